"""One function for each command: options, console for reports, console for the rest; status.

=============  =======================================
module         commands
=============  =======================================
`image`        build
`manifests`    render, which is deploy --dry-run as well
`deployment`   deploy, delete
`inspection`   status, logs
`aside`        resume
`calling`      invoke
`drill`        run
=============  =======================================
"""
