// Every call of @segment/analytics-node, against the host and with the key given as arguments.
import { Analytics } from "@segment/analytics-node";

const [host, writeKey, person] = process.argv.slice(2);
const analytics = new Analytics({ host, writeKey, flushAt: 3, flushInterval: 200, maxRetries: 6 });
const failures = [];
analytics.on("error", (error) => failures.push(String(error.reason ?? error.code)));

analytics.track({ anonymousId: `${person}-device`, event: "Product Viewed", properties: { product_id: "p1" } });
analytics.identify({ userId: person, anonymousId: `${person}-device`, traits: { name: "홍길동", plan: "pro" } });
analytics.page({ userId: person, name: "Home", category: "Shop", properties: { url: "https://shop.example/" } });
analytics.screen({ userId: person, name: "Main" });
analytics.group({ userId: person, groupId: "g1", traits: { name: "Acme" } });
analytics.alias({ userId: person, previousId: `${person}-before` });
analytics.track({ userId: person, event: "Order Completed", properties: { order_id: "o1", revenue: 12000, currency: "KRW" }, timestamp: new Date("2026-01-02T03:04:05.678Z") });

await analytics.closeAndFlush({ timeout: 30000 });
console.log(JSON.stringify({ failures }));
