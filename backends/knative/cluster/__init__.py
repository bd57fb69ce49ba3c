"""What happens to an application's objects in a cluster, through the official client.

=============  ===========================================================================
module         is about
=============  ===========================================================================
`access`       the API server and the credentials, as every Kubernetes tool finds them
`api`          one request: retries, and an error that says what Kubernetes said
`explain`      an answer of the API server's as an error with a remedy
`kinds`        the kinds of objects, and where the API serves them
`objects`      one object or all of a kind: get, list, apply, delete
`watch`        all objects of a kind, again after each change, whatever breaks
`secrets`      what is kept from one deployment to the next
`plan`         what a deployment would change
`apply`        a plan, carried out
`readiness`    what an object's status says
`wait`         until all is ready, or something failed
`diagnosis`    why it is not ready: conditions, revision, pods, events, log lines
`status`       what is there, as a table or JSON
`logs`         the lines of all pods, one after the other
`removal`      everything of an application deleted
=============  ===========================================================================
"""
