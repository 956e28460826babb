// The published AWS SDK for JavaScript against a running farmtally.
//
// Endpoint, region and key come from a user's own environment variables. The host prefix has no variable in this SDK:
// it is switched off by an option of the client. Run by test_javascript.py, which prepares the servers.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  AccessDeniedException,
  DeadlineClient,
  DeadlineServiceException,
  GetFarmCommand,
  GetSessionsStatisticsAggregationCommand,
  InternalServerErrorException,
  ListQueuesCommand,
  ResourceNotFoundException,
  StartSessionsStatisticsAggregationCommand,
  ThrottlingException,
  ValidationException,
  paginateGetSessionsStatisticsAggregation,
  paginateListFarms,
} from "@aws-sdk/client-deadline";

const UNKNOWN_AGGREGATION = "ee".repeat(16);

const farmId = required("FARM_ID");
const queueIds = required("QUEUE_IDS").split(",");

function required(name) {
  const value = process.env[`FARMTALLY_TEST_${name}`];
  assert.ok(value, `FARMTALLY_TEST_${name} is not set; this file is run by test_javascript.py`);
  return value;
}

function client(options = {}) {
  return new DeadlineClient({ disableHostPrefix: true, ...options });
}

/** A client that does not try again. */
function once(options = {}) {
  return client({ maxAttempts: 1, ...options });
}

function question(change = {}) {
  return new StartSessionsStatisticsAggregationCommand({
    farmId,
    resourceIds: { queueIds },
    startTime: new Date("2025-11-24T00:00:00Z"),
    endTime: new Date("2025-11-26T00:00:00Z"),
    groupBy: ["QUEUE_ID"],
    statistics: ["SUM"],
    ...change,
  });
}

function get(change = {}) {
  return new GetSessionsStatisticsAggregationCommand({ farmId, aggregationId: UNKNOWN_AGGREGATION, ...change });
}

/** Starts an aggregation and gets until it has ended. */
async function start(deadline, change = {}) {
  const command = question(change);
  const { aggregationId } = await deadline.send(command);
  for (;;) {
    const answer = await deadline.send(get({ farmId: command.input.farmId, aggregationId }));
    if (answer.status !== "IN_PROGRESS") return { aggregationId, answer };
  }
}

/** The error of a call, which must be of exactly this class. */
async function refused(kind, deadline, command) {
  const error = await deadline.send(command).then(
    () => assert.fail(`${kind.name} was expected`),
    (error) => error,
  );
  assert.ok(error instanceof kind, `${error}`);
  assert.ok(error instanceof DeadlineServiceException);
  assert.equal(error.name, kind.name);
  assert.ok(error.message.length > 0);
  assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
  return error;
}

test("an aggregation is started, polled and read", async () => {
  const { answer } = await start(client(), { statistics: ["SUM", "AVG"] });
  assert.equal(answer.status, "COMPLETED");
  assert.equal(answer.nextToken, undefined);
  assert.deepEqual(answer.statistics[0], {
    queueId: queueIds[0],
    count: 2,
    costInUsd: { sum: 4.15, avg: 2.075 },
    runtimeInSeconds: { sum: 8400, avg: 4200 },
    aggregationStartTime: new Date("2025-11-24T00:00:00Z"),
    aggregationEndTime: new Date("2025-11-26T00:00:00Z"),
  });
});

test("period and timezone make buckets", async () => {
  const { answer } = await start(client(), { period: "DAILY", timezone: "UTC-08:00" });
  const buckets = answer.statistics.map((row) => [row.aggregationStartTime.toISOString(), row.costInUsd.sum]);
  assert.deepEqual(buckets, [["2025-11-25T08:00:00.000Z", 3.61], ["2025-11-24T08:00:00.000Z", 4.15]]);
});

test("the paginator reads every page", async () => {
  const deadline = client();
  const wide = required("WIDE_FARM_ID");
  const resourceIds = { queueIds: required("WIDE_QUEUE_IDS").split(",") };
  const { aggregationId } = await start(deadline, { farmId: wide, resourceIds, groupBy: ["JOB_ID"] });
  const sizes = [];
  const jobs = new Set();
  const pages = paginateGetSessionsStatisticsAggregation({ client: deadline, pageSize: 80 }, { farmId: wide, aggregationId });
  for await (const page of pages) {
    sizes.push(page.statistics.length);
    page.statistics.forEach((row) => jobs.add(row.jobId));
  }
  assert.deepEqual(sizes, [80, 80, 50]);
  assert.equal(jobs.size, 210);
});

test("farms and queues are listed", async () => {
  const deadline = client();
  const names = [];
  for await (const page of paginateListFarms({ client: deadline, pageSize: 1 }, {})) {
    names.push(...page.farms.map((farm) => farm.displayName));
  }
  assert.ok(names.includes("north"), `${names}`);
  const farm = await deadline.send(new GetFarmCommand({ farmId }));
  assert.equal(farm.costScaleFactor, 1);
  assert.ok(farm.createdAt instanceof Date);
  const { queues } = await deadline.send(new ListQueuesCommand({ farmId }));
  assert.deepEqual(queues.map((queue) => queue.queueId), queueIds);
});

test("an aggregation in progress has a status and no rows", async () => {
  const answer = await client().send(
    get({ farmId: required("BUSY_FARM_ID"), aggregationId: required("BUSY_AGGREGATION_ID") }),
  );
  assert.equal(answer.status, "IN_PROGRESS");
  assert.deepEqual(answer.statistics, []);
});

test("ValidationException has reason and fields", async () => {
  const error = await refused(ValidationException, once(), question({ period: "YEARLY" }));
  assert.equal(error.reason, "FIELD_VALIDATION_FAILED");
  assert.deepEqual(error.fieldList.map((field) => field.name), ["period"]);
  const other = await refused(ValidationException, once(), get({ maxResults: 1000 }));
  assert.deepEqual(other.fieldList.map((field) => field.name), ["maxResults"]);
});

test("ResourceNotFoundException names the resource", async () => {
  const unknown = "farm-" + "ee".repeat(16);
  const error = await refused(ResourceNotFoundException, once(), question({ farmId: unknown }));
  assert.deepEqual([error.resourceId, error.resourceType], [unknown, "farm"]);
  const other = await refused(ResourceNotFoundException, once(), get());
  assert.equal(other.resourceId, UNKNOWN_AGGREGATION);
});

test("AccessDeniedException is for keys that may not read", async () => {
  const ingester = once({
    credentials: {
      accessKeyId: required("INGESTER_ACCESS_KEY_ID"),
      secretAccessKey: required("INGESTER_SECRET_ACCESS_KEY"),
    },
  });
  await refused(AccessDeniedException, ingester, question());
  await refused(AccessDeniedException, ingester, get());
});

test("ThrottlingException says when to come again", async () => {
  const error = await refused(ThrottlingException, once(), question({ farmId: required("BUSY_FARM_ID") }));
  assert.ok(error.retryAfterSeconds >= 1);
  assert.equal(error.$metadata.attempts, 1);
});

test("InternalServerErrorException says nothing of the inside", async () => {
  const broken = once({
    endpoint: required("BROKEN_ENDPOINT"),
    credentials: {
      accessKeyId: required("BROKEN_ACCESS_KEY_ID"),
      secretAccessKey: required("BROKEN_SECRET_ACCESS_KEY"),
    },
  });
  const brokenFarm = { farmId: required("BROKEN_FARM_ID") };
  const error = await refused(InternalServerErrorException, broken, question(brokenFarm));
  assert.doesNotMatch(error.message, /sqlite|table/i);
  await refused(InternalServerErrorException, broken, get(brokenFarm));
});

test("a wrong secret is refused with its reason", async () => {
  const stranger = once({ credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "wrong" } });
  await assert.rejects(stranger.send(question()), { name: "InvalidSignatureException" });
});
