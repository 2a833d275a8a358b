"""Tables of the colour maps that plotting libraries save grey images with.

Each is 256 RGB triples of 8 bits, compressed and in base 85. Generated from
Matplotlib's tables (its own maps are in the public domain; jet and hot are
formulas); no plotting library is needed to read them.
"""

from __future__ import annotations

import base64
import zlib
from functools import cache

import numpy as np
from numpy.typing import NDArray


@cache
def colormap(name: str) -> NDArray[np.int16]:
    """(256, 3) the table of a colour map in `NAMES`, from its low to its high end."""
    content = zlib.decompress(base64.b85decode(_PACKED[name]))
    return np.frombuffer(content, dtype=np.uint8).reshape(256, 3).astype(np.int16)


_PACKED = {
    "viridis": (
        "c-jE~1ONO)0aQc+RYU_<MFm(z23kc3TSf_7Mhjj>3|~eLVMh;QM-gL35@kmeW=9ogM;2*E7-~ovYe*VwNE~iR9dAe;a7Z9=N"
        "Fj1aB6CP1bVnt1M<#YhCwE6Ect<LEM=N?qEPF;Rd`2&PMlgLwF@8lde?>HZMKyp$Hi1MpfkZiiLpp;)JA*?!ghD-pLOz8;K!"
        "rg;hCxDxKtqQ>M29~`hd)P%K1hf@Nr^p5i9Jh+Jxqx_O^Q5DiaSt>J5h={Qj0oMi#b$_IaP}|R*N`Sj5k<}H(87}T8uVZj5S"
        "=0HC>D}UX3(gjWb}4GhvM~VvRCmjWJ}6F=dT0W{ogsjWB49FKLZ0YK<;yjxKDDE^Ur2ZjLQ)jx2DFEOCx3a*iu=jw^JIDs_%"
        "3c8)4{jwyJKDS3`4dX6Z1jwpMMCwz`4eU2x7jwXMOCV-A6fsQ4DjwOSQB!rD5g^eVJjU$JRBZ!S7iH#zOjUtMTB8!b7jEy0U"
        "j3JJUAdie7kc=Raj31JWACrq8l#3sgiyxMY9+!$9n2H{miXNGY9-4_Bn~5Hri5{JZ9-fFEpNJlyhaaJbAEJgIqlO@)g&?JcA"
        "*O{Pr-UM>gd?bfBdLNUs)8k}fhMehC#`@eu74@7e=4wkE3thnv3)MGd@r+mFtmCywR$tQc{R6qHn?{<xpq0Zc00OtJ-c*1ym"
        "LUkazegwM80rEzi&stZb`vyOTuhT!fQ{%X;H*zQ^jXh#%5Q>Wm(5$TgYNw$zfp0U}DN&WXoM=%v@>ATWif(ZO&M5&Q@~IRdm"
        "o)chFLK(NTQTPkz!)fzwQb(@TcbNr=@)i`7Pr)<lrjLz34)mDfL)*gl%rJe}D(pV>H~+Bc=zHK*G%s@pQH+%T`)F0$P$wcRV"
        "X-6^`>C%xV#zuzRn-y+4|A;;h!%HST&;2qE59Ma(%)ZrS};u+fF7~J9*-{TnJ;~3=Q80X{}>Es#g<Qnef8}a2F^W`4)<{$Xx"
        "A^PSb{pTdxxk&#"
    ),
    "plasma": (
        "c-jE~1ONOC2Zj&_hZ6>g6$XkJ28$a8j2#Az9|evf1&<>IkR=6?Ck2uz1(PcUlr035F9ek_1eP-dmox;JHUyYB1erPnnmYrUJ"
        "p-FR1DrquoI(SgL<62h1D;0$pGg9rN&=uv0-;U<p-%#$Q30Y-0i#p_qgDZ<R{^A10i;?0rCb1|UI3+E0H$F8reXl5WB{jS0H"
        "<dFr)U7DY5=Ef0H|#MsBZwMZ~&-s0H|{SsC59Sb^)k(0jPNasCxpad;+I_1E+rjr-1~gf&{081*U}triKTmhzF&K2&Ib&q>K"
        "urjtr!a4Wp0_qmmDzlMtbm5uuh6pqCS%nG~Oz6`q?Ho}Cz-o*A5<8k?XSo1z?=qaB%~9+;&cm!~0@s3MlBBbBNol&mF_ttOJ"
        "LCy}oxkgzI`u`7?VERM7-jkPX}wl9mfFp9V`iMca~x-^HoHHN%4g}pa~zBq%wIfB4Dfx$e0!aab)K7YhNe#Jn2#zB0?LVL(W"
        "ddWq3%0_t0M|aFfcFjq3&PsL9OLWjpbJ0$6(NA&GP;k>xZ`4w5)l+TORc+T+Y}Z$7*jQ@WS!vo@Xxm$7++AkeUS{22W!_+9-"
        "(h3lVq)NAVc}(9;$~puXJ6xJUgT<B<!fB!Y+L4STIX(B=x|x+aaiecSL$<C>U34>c2w+lRP1<D?Riq|dr|IuQ15+D?|x43fK"
        "Bj$P4R+E@`OwBg-Y{=N%MzD^od9GibwT}M)i$F_KrmMk3;s6LidtE_me^Rl|cBGKlqqF`I$ZWnmqcPJNlhE`ky-bpgH@ZIQy"
        "eF`=mDfrZxPhHT<bG{HinjtTOzqG5xPG{jf0ovM>F!F8#GF{kARrxGep-EB(7G{k$suzA62{DgD7H{lh5z#3%j6Cj7@H{K+Q"
        "#%O(8GCH&4M`_Lr&(IorRB>L4P`qm`+*d+PcB>CGU_}wJ<-z4|oB=_Pa_T(k@<t6p!CiUqi^y((_>?ZT>Ci3tm^6@6|^Cs~1"
        "CGhqm@Ax4e{C4R"
    ),
    "inferno": (
        "c-jE~1ONO000RI31ONaA0RRU90SN&C3jzTS0s;^N0ulrR6a)hn1q2ud1RDnh9S8;=2?ikw2O|pyCJhKE4hSj_2`vx_FA@qe6"
        "ACmG3pN%DITs5%84Erd3qTwULmdo79}Gtz3`!ykOe70VCJRs}3sNZyR4WQrEecpJ3R*A<Trvq=Gznid31Bw~VL1t6I|*bw31"
        "vPBW<UvMK?!F=3TQ<NX+{cZNDFF83u;RYYfTJmPYrBP4Qx^lY*P+xRS#`f4{cZwZCVj+TM=$u5^i4-ZeSB`Viay;6mDe|Ze|"
        "s3Xclg27jA18ZfzKDZWwNG8E$eJZF3rJbsKGV8*O+TZF(GSdmU_j9c+FcY=9qYfgfvwAZvvnYK9?dh#_i;B58{vX^kUkjwEQ"
        "1BxsQ(XOksol_qAECT5r?Wtk{sn<!+QDPx`~W1uQxp(|mdD`BK8V5Tfzr!8NpE?%oHU92x$t}t7#F<Y@QTCy@(v@=+>Ggr4X"
        "R=71*x;9n2H&nehQ@%J-zd2FCI#9wpPsBV<#XU{OK1|3yOUXY<%RouYK}gL)N6$n?&_zViMnlp^Lexk>)k#3sN<Y_2KG{t@+"
        "D<#$PdeOCIo(n?-cvW<R5svNG~!n?<5)7}S~2BYFy>q?=3Xu5Uo7ZhE9qh?>SQSEWhd-sChce??P??LY$ES%A@FY>@NgdSav"
        "kz?9P)J<^LH8Zc^LG17WI4;^?nrgfD-nB5%+@-_k|AlhYk3M4ETx*`HTtqjtKdX2>Ou+`jZCwl?M8k2K$)?`<n*)od)}!2m7"
        "E0`=SW@qze0{3;U=I`>GE6tPuOI68o?e`>_`Lvl#oe8vC~#`?((ayCM3$Bl^E3`oSpq!z%g3EcwST_{lN&%QX1SH}}sv_t8A"
        "|(?9mrLiN{0_1Q@D+e`G^PxIbV^WawV;#u<KUGnB&@#tjn>1grmZ1L@I@$Pi-@Okm_ee&~x^7MuC_KEcOjrI7E_WG6g`<eOt"
        "o%;Qt{Qjh$&N_S"
    ),
    "magma": (
        "c-jE~1ONO000RI31ONaA0RRU90SN&C3jzWS0s;>M0}%uR69fbm1q2rc1sMkg8wds+2?rkv2O<jyBn$~A4GJg@3Mvl^ED#JY5"
        "ezXB4KoxCH5Cpx77jWW4?GwTKN=808xTYs5JnylNgokQAQ4R>5l|x$QY8^pCJ|RC5m_n`Tq_Y?Ef8QY5MnS8Wik+FG!SSt4{"
        "A3LY&j2ZI}dL>4{<&ZazGDrLJxF94|PQkc1I6)NDz2R5P3@wc})>|PZ4`i5_?h-d{YyARTF(z6n$6~ep(fNTNZv@7k*wBe_$"
        "AYVHkg78GmIOfMyziXd8fO9Dr*afNULrZXSVe9)WQmfpZ^$bRdCtA%S-xfq5c<dLn^*BY}P-fqx`{fhB>0C4qz{frTc4hbMu"
        "FD1nM7fs84DjVXYSDu9tHfRZbKlq-OhEP$6Rf0-?Rnk|2vE`OdbexEOXp)Y=;Fn**keWo#er!jr0GJLBue5^Bjt~7hFG<&f%"
        "db2fpwKjRSHhH)=c)2%tyEu2fId{G}cECDy!a8-sJ9Nc7bjCb$$USn(K61-Gam_z)&OmU`L2uDQZqq_-)I)97L~PeZYuQF>+"
        "DB>JNNL?kXx>U^;7exVOlIOuW#mp|<xpehQDWy(V(3(1>Q!LtR$%N{U+r06?pt2&U0v^9UGQLC@nKx@V_frPT=QpJ^k`f4YF"
        "qVeTlQ{S_HbMGaa;FuT=;cd_;+0Sd0hE>UHN@o`hQ;ffL{87U;Bh$`-Wiqh++GRV*HF_{ElP%kYxOlW&D$7{gr3^muUT&Y5k"
        "jO{he$5pKSf1ZvCQf{iJaIrg8qLbN;Gy{;YNWu6F*fc>b|@{<C}jwS4}!eg3(B{=0zwyn_C|gZ{vU{=$a-#EAaJiT=ln{>hF"
        "0%Z~lckp0h+{n3;C(v|(xm;Kh5{n(oQ+MNB|o&DXP{okSe;iLTHrTpcl{N||q=&Jncto-b*{O+*)@Ui^yv;6b5{Pnl{_qqG|"
        "yZidR`~1HlOkSD"
    ),
    "cividis": (
        "c-jE~1ONO0B254zPXHrO03=cXB~$<=RRAVe04G@hC|dw1TmUIv04iVrDq;XDWB@E?04!$!EolHQYXC28055L<FmM1cZ~!rI0"
        "5Na`GH?hpa0@eV4m5BPHE$F)Zx%Lh7&mVkIBy&{ZXG#pA3AO!J8mL7ZX`TzB|U8?J#8pHZ7M%)D?e>4Ky5BTY%fA=FhXoGLu"
        "@icY&1k{HAQSTMr=1mY&b`3IY?|eNNYPuYduP9K1*vqOKU((Ye7wGLQQK!PHRL@Yei3MMo?=<QENz1Ye`aTN>gh~RBTLCY)w"
        "^cPF8GAR%}mKY*1KiQCMtJS!`2UY*booRa<RVTy0lfZCG7xSzc{fUu{}nZChY&Tw!iqVQyYxZeL?=U}SD#WN%?*Z(?R|V`gt"
        ";XK!U_aAs+6XK8R~YH(<4acOIDYHV?9ZE<XEa&2yMZf|mKaC2{Pb8vBUadLBVb98fabaZrebai!gb#-=jc6WDnczAYscz1bu"
        "cY1nvdwX|$dw6|(cz%6&e|>m>et3a@c!Gd<gMfI1fp~?2c!h&_hJ$#Agm{RBc!`F1iiUWLhj@&Lc#Vm8j){1Wig%EUcae;Dl"
        "8kqgjdzreca@KKmXCLrkan1ncA1iPnv-^$lXjexcAb@Vo|bi=mUW<)b)lGaqM3A~nslU^bfuefrkr!9opY$3bE%$ks-JSJpm"
        "MCCajl|puA*_Tqj0dKaIvLuvZimdrf;;TZ?&jywyAEns%^NdZMmy$x~y!wt!%umYrU^)zOZV)uxi1vX~ME;!?S3_v}nb(XU4"
        "T>$F^q3w`Iw=Wy-l^%erLDyJO9~V$Qr`&%I&LzF^Y7VAH@~)WKfW!d}+HUDv~0*u-1e#ai0NTHD82+{jqo$yeXXR^ZE3;mlO"
        "x%v0mdQsmB2<<C&&&`;>mPU+H3>eEc?)JyEuO6}H2?$<}}*hcZ$MDp50^V&l6+d%c)Kla@{_})AD-#Yr>IQ!u?{o*wJ<1_u`"
        "H2vl_{pU9{=VEj"
    ),
    "jet": (
        "c-lqMYe${|0D$3J+bkAM)?}I;EE=)Q>|oJkvZiUXEsJQB9V`}2*0il@OHnkNq-_@OWKz@YoTVsAD{Iy?uWfc{YAK4c$#idfz"
        "KrW9TyPn#LKW1)b*P6%xC<e;53TSJo<aw7K@ar9AiRNh5Qb0i4JKd;W?>!{U=jRpsYFVYtdvy}C-JggHc6r+NwRE{osuGZWU"
        "uU#OgSh=<e22jaVd~fQYb}oPR>i2l*?7Ak{YR#o6;b+rAh9|eQA|;c`VQ6rF2WL^vj?O%ZR*}4~u+WVC-ka#N4u}*~ppcsJY"
        "4LU*j>q$71~w=f`-%>m1$aNP@$g9ZGUwi+x+|*>3kPJ5%gP^;w#a(rwSMEz_1Pn-3exwkgLuxi;ompYM$m)}6Mt(CQ*9i>)Z"
        "Jywr<jmX=#mVR5BJ)fU!zy3P|f%&#}E(cC-cG?^XpaI;x0X11BpZu%qBo|)QVN~gQJ-QMHYKDP{*H00)C6Gq%P>bkJ;AC3EL"
        "?3gj*Mo$_wZRG6lWplqGe$KHl!{Rjl!0-4KKVcY0@h!f_SJ;oe*o~d|0-xYRe1I+3j3K;>x3B?kVjb3CHD1FjcnL3H2^Qm7J"
        "cB2(0FPrX=HO90ga>dxrehkW;%?l5+b|iEFcA}Q1Fpq2xSGWn7NVJ7!R&ITmi!C%Eyx!RBEAVy_6I?`f~-%2xUE6rP!PH?$b"
        "CJCUKOPOTmKJ{JaW4"
    ),
    "hot": (
        "c-jTQ0fZ0+06@_vwvladwnefmS(YqKnkG%O$hJ7!;$&H}ELoZ~O`4-cw#C_&CCid!Nz<fh(wuFPZIQJsS(YqInkG$?roZ>ba"
        "v$Ru;6cVSfr(6FGE<n!G^R6ynatuz<}jD1na=_ivWVwc%pfnagdvu)jODCgC97D?8rHIoH`%~O-e#E1Y+)<!v5gTvWIH?9$u"
        "4%YhrR4$KVNW=Lwv;%j`9toe8+K4@FOQV#c9rPmUEov0vEZ&Wv=iS*SO9<+~gMjafim}F5RQCx>w^gpa(Qw6Esni^oXWtsvg"
        "sH&CpEE(rnGqT+P#bEzm+O(z9BuLA{_Q8q!iN(<@q`m3mF9wMJ{TPV2Qn8?{Np+N>?ws&}<bBl<ww^|5wpmp;`V?bYYnuLC-"
        "$LprP@I;vwD)wepX6Z%0XbxJ?$jDFQQo!9TWs7v}&S9Dd^bX_-eQ@3<mchs1=yT;c2HBb-LgnGCp*P}J99<L{Ac0E<|YJNRa"
        "i|Y9rte0x2UasZ!YOSi*>y27pZ`Gz6u6Jr{y<a2sQSGQtYIl8B`|3b_S%>TEI##3geVwSE>QwzwXY04RP=D0rx>|qNjrzB4S"
        "N{WVv}45"
    ),
    "turbo": (
        "c-jE~1ONOm5<4*!LNXXiG#gPh9#}RZUpFIVI3{d4DRMe2c{?wEJTiqmHH$qrkv=+>KRuj4K%qcGra?ukK}fJdOSMBzx<gRDL"
        "sP;;R>wqG%SBtxMPAZHVAe%r*+ypFMrhzhYvV?3=0<SnMsw>%b?ruY@J4#_Mt$@~fA&U#_(g>IMTh%EiTp&2{X>rZLXrMKlm"
        "0-K{y&)hKAZkLo&7tY{5hihIHmhGsQEOi_%p2bF|YM6vGXmo@hi6PD!J__yXz*s=_SDCBf{h%#Ni;u-yX@_9n0Dr&DR^x)Ed"
        "#!8Pm@g)yx>z$`{$k7uv)Z+`<>$zZl@X7~#4Z<G32+wj1TN9p|wg=&vB@tRm~FB<!Xq?V~B~pe*m5FYuZ&@s~C8lsNQ}JM@h"
        "|^@>9Fher2<O89_H`Fv6Nc~$y$S^IKb`)^_VY-RjtY5iqw{bF(bUv&Olc>Y;@{#JngQ-uCdhyG2A{!5PjNRs|WmHtGS{z9Am"
        "K%V_Rq5M6h{5z)mI;s0Ptok>u`8TonHnaFOw)Zu;^)$QmG`{mR!16Q0@iWEmGsx~U%I!1F>om{mG|}iZ)aNzU<u%yjHQM4f-"
        "QYIg-ZtUfH{;qj<=8mq*Es0aIO@|m?9n;x&pGeSIq=Im^2j>##ya%GI`+ak_rN*$zB&24Ir+Lc`nNaxwKw~-HvF(P{H`?pt2"
        "6znGX178{i87cp)dZPF8-S>{+KNNl`H*{DgBQq{fsC4i6;DpB>RIS`+y?)eIWXJANhA4_;eiiaU1t;8un`#^=KFLWft>e74l"
        "#d@m&+|S`qG85baeD>{1TuPz~u#4d_b@=1B|XMhfFZ3gSWu;6Mo8J_y}B2irOa**FH*HU`!-1=KPH(l7<kF9gml1j{P}$teT"
        "JC<DbN0>dN%z#{^_Ap*M}0l6Llwj2Sp8v(Hy0j?MUtQG;O6#=Fc0izNDpb-I`5CNJF0hbK{lneop3jvM_0gDL%hX?_L2LXWw"
        "0(}JndISQSfrXa"
    ),
}

NAMES = tuple(_PACKED)
