"""Workers train an audit's reference models: on this machine, on the hosts of a job, or on a Dask cluster.

The audit says through a socket what is to be trained (`leakgauge.model_pipe`). `dealer` hands that out to the
workers, of whom it knows no more than `Workers`: those of `local` are sandboxed processes of this machine,
those of `on_dask` are reached by Dask, and have a `local` of their own. Each opens the bundle in a sandbox,
as the audit does, and nothing but numbers comes back. Who trains a model changes no figure of it, and what
no worker brings the audit trains itself: workers that are lost cost time and nothing else.
"""
