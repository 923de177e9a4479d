"""Benchmarks: umbel beside its peers and a bare loop, on SQLite, on Redis and on RabbitMQ.

One run compares them side by side on the same message. `python -m benchmarks --help` shows what it can do.

    __main__      command line
    measures/     one file a measure: what is done, what is timed, what must be true at the end
    rig           one contestant set up for one measure: its folder, its server, its client, its workers
    processes     start, watch, weigh, end: by pid, bounded in time
    client        the process that calls tasks and reads results, one verb a line
    callers/      the client's side of each contestant: call one, call many, read results
    apps/         the worker's side of each contestant: the same functions, registered
    suites        who stands beside whom on which store, and what umbel has to reach there
    servers       started on free ports, ended by pid
    bare          the bare SQLite loop, both sides
    bare_redis    the bare Redis loop, both sides
    bare_rabbitmq the bare pika loop, both sides; its results are those of bare_redis
    work          the functions, and what each of them must return
    report        medians, verdicts, Markdown, JSON, plot
    profile       where the time of one task goes in a child of umbel

The runner's own process imports no contestant: workers and clients are processes of their own.
"""
