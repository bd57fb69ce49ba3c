"""An application on Knative, with FoundationDB as its store: see ``docs/knative.md``.

============  ============================================================================
module        is about
============  ============================================================================
`settings`    what can be chosen about a deployment
`names`       what the objects of an application are called, and the labels they carry
`edges`       who may call whom, from the graph
`render`      an application and its settings in, Kubernetes manifests out
`workloads`   Knative Services and the Deployment of upkeep
`container`   the container they run, with its probes and its security
`policies`    what may talk to what on the network
`context`     the files that go into an image
`imports`     which of them others import
`image`       the image, built by whichever builder is there
`serve`       the process in the image: one node, chosen by its environment
`environment` what that process reads from its environment
`stores`      the store it opens, and where the cluster file has to be
`logs`        its log, in JSON lines
`errors`      what can be wrong with all of it
`arguments`   the commands and their options
`choices`     options and a settings file as settings
`cli`         the command line: which command is which function
`commands`    those functions
`cluster`     what happens in a cluster, through the official client
`reporting`   what commands print
============  ============================================================================
"""
