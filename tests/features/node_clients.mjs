// ioredis and node-redis, from npm, before a server of ours:   node node_clients.mjs PORT
// They find their packages beside the working folder's node_modules.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/');
const Redis = require('ioredis');
const { createClient } = require('redis');
const port = Number(process.argv[2]);
const at = new Date().toISOString();

const io = new Redis(port, '127.0.0.1');
await io.xadd('payments', '*', 'user_id', '5', 'amount', '2.5', 'at', at);
assert.deepEqual(await io.hmget('spending:5', 'amount', 'note', 'spent'), ['2.5', null, '2.5']);
assert.deepEqual(await io.hgetall('spending:5'), { amount: '2.5', spent: '2.5' });
const ahead = io.pipeline();
for (let i = 0; i < 200; i++) ahead.hset('hash' + i, 'f', i);
for (let i = 0; i < 200; i++) ahead.hget('hash' + i, 'f');
const replies = await ahead.exec();
assert.deepEqual(replies.slice(200).map(([error, value]) => error ?? value), [...Array(200).keys()].map(String));
assert.deepEqual(await io.call('FS.GET', 'risk', '5', '100'), ['spent', '2.5', 'unusual', 'true']);
await assert.rejects(io.hget('spending:5', 'amuont'), /did you mean 'amount'/);
io.disconnect();

const node = createClient({ url: `redis://127.0.0.1:${port}` });
await node.connect();
assert.deepEqual({ ...(await node.hGetAll('spending:5')) }, { amount: '2.5', spent: '2.5' });
assert.deepEqual(await node.hmGet('spending:5', ['amount', 'note']), ['2.5', null]);
assert.deepEqual({ ...(await node.sendCommand(['FS.GET', 'risk', '5', '1'])) }, { spent: '2.5', unusual: 'false' });
await node.set('text', 'b\u00e9', { EX: 100 });
assert.equal(await node.get('text'), 'b\u00e9');
assert.equal(await node.ttl('text'), 100);
let keys = 0;
for await (const page of node.scanIterator({ MATCH: 'hash*', COUNT: 10 })) keys += page.length;
assert.equal(keys, 200);
await node.close();
console.log('ioredis and node-redis are content');
