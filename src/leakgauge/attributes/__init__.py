"""Attribute inference: what a model tells about a person's sensitive column to who knows the other columns.

Three runs are compared for each column, all on the same records:

- the attack, which combines the model's answers about every candidate value with an imputation;
- the same attacker without the model: the imputation alone, by models of other people's records;
- both again on non-members.

What the attack gains over the imputation on non-members is what the model *adds to a guess*: it has
learned how columns go together, and says so about anybody. What members lose beyond that is what it *leaks*
of its own records. The verdict is about the second. Design after Jayaraman & Evans 2022, "Are Attribute
Inference Attacks Just Imputation?", and Giomi et al. 2023, "A Unified Framework for Quantifying Privacy Risk
in Synthetic Data" (main, control and baseline attack).
"""
