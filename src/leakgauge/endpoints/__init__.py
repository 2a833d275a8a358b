"""The broker of audits of live services: it stands outside the sandbox and asks one service about rows.

An attack in the sandbox has no network. It hands rows through a socket to the broker in the parent process
(`broker`), which can do one thing with them: ask the one service that the caller's settings name, within the
rows and the cost that the caller has confirmed. What comes back is read strictly (`answers`) before it goes
to the sandbox. The sandbox's end is `leakgauge.targets.endpoints`; what both say to each other stands in
`leakgauge.row_pipe`.

`settings` is what a settings file may hold, `protocols` how each kind of service is spoken to, `calling` when
something is sent again and when no more, `cache` what has been answered before.
"""
