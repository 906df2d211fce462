// Sends events by the clients of Segment and RudderStack as they come from npm: clients.mjs NAME HOST WRITE_KEY COUNT.
const [name, host, writeKey, count] = process.argv.slice(2);
const events = Array.from({ length: Number(count) }, (_, i) => ({ userId: `${name}-${i % 10}`, event: `Seen By ${name}`, properties: { n: i } }));

const clients = {
  async segment() {
    const { Analytics } = await import("@segment/analytics-node");
    const client = new Analytics({ writeKey, host, flushAt: 15, flushInterval: 200, maxRetries: 20 });
    client.on("error", (e) => console.error(e));
    client.identify({ userId: "segment-0", traits: { email: "segment@mail.example" } });
    for (const e of events) client.track(e);
    await client.closeAndFlush({ timeout: 60_000 });
  },
  async rudderstack() {
    const { default: Analytics } = await import("@rudderstack/rudder-sdk-node");
    const client = new Analytics(writeKey, { dataPlaneUrl: host, flushAt: 15, flushInterval: 200, axiosRetryConfig: { retries: 20 } });
    client.identify({ userId: "rudderstack-0", traits: { email: "rudderstack@mail.example" } });
    for (const e of events) client.track(e);
    await client.flush();
  },
};
await clients[name]();
