// What we use of undici, in a module of its own that is loaded with the first request. From its files and not from its index,
// which loads fetch, WebSockets, caches and mocks too: 21 ms of CPU time for the first request instead of 53.

import connect from 'undici/lib/api/api-connect.js';
import request from 'undici/lib/api/api-request.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js';

// As its index does it.
Object.assign(Dispatcher.prototype, { connect, request });

export { Agent, Pool, ProxyAgent };
