"""A distributed crawler, written with umbel's public API only.

Three roles, each a worker of its own on a queue of its own. They share nothing but messages; scheduler and storage
nodes also share the crawl's file, so they run on one machine, and crawler nodes on any number of them.

      umbel-crawler URL
            | begin(crawl)
            v            fetch(job)                 store(report)
      [ scheduler ] ------------------> [ crawler node ] ------------------> [ storage node ]
        frontier     <- robots_arrived -   crawl queue                         storage queue
         queue       <------------------------ settle(crawl, url) ------------------'
            |                                                                     |
            +------------------------- <crawl>.crawl.db --------------------------+

Delivery is at least once, so every step may happen twice and changes nothing the second time:

* a page, its links and its text are keyed by URL (`storage`);
* a URL's state only moves forward, and its links are admitted in the transaction that closes it (`frontier`), so
  "no URL is queued or given" is true once and stays true: that is the end of a crawl;
* the scheduler marks what it hands out with the id of the message that it is handling; when that message is delivered
  again, the same fetches are published again, and nothing that was marked is ever left unpublished.
"""

__version__ = "0.1.0"
