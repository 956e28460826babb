"""The operations around statistics, as scripts call them: farms, queues, fleets, jobs, sessions, workers and tags."""

from datetime import datetime

import pytest
from botocore.exceptions import ClientError

import sample
from asking import client
from conftest import open_site
from sample import COMP, CPU, GPU, LIGHT, OCEAN, SIM

ROLE = "arn:aws:iam::123456789012:role/render"
CONFIGURATION = {
    "customerManaged": {
        "mode": "NO_SCALING",
        "workerCapabilities": {
            "vCpuCount": {"min": 16}, "memoryMiB": {"min": 65536}, "osFamily": "LINUX", "cpuArchitectureType": "x86_64",
        },
    }
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """A farm that these tests may change, and a client. It has a server of its own: others look at all farms of theirs."""
    opened = open_site(tmp_path_factory.mktemp("studio") / "data", {})
    deadline = opened.client()
    farm = deadline.create_farm(displayName="studio", description="for tests", tags={"show": "feature"})["farmId"]
    yield deadline, farm
    assert opened.server.stop() == 0, opened.server.log()


def test_a_farm_is_created_changed_and_deleted(site):
    deadline = site.client()
    farm = deadline.create_farm(displayName="short-lived", costScaleFactor=0.5)["farmId"]
    assert deadline.get_farm(farmId=farm)["costScaleFactor"] == 0.5
    deadline.update_farm(farmId=farm, displayName="still short-lived", costScaleFactor=2)
    shown = deadline.get_farm(farmId=farm)
    assert (shown["displayName"], shown["costScaleFactor"]) == ("still short-lived", 2.0)
    assert shown["updatedBy"] == site.key[0]
    deadline.delete_farm(farmId=farm)
    with pytest.raises(deadline.exceptions.ResourceNotFoundException):
        deadline.get_farm(farmId=farm)


def test_queues_and_fleets_are_created_put_together_and_deleted(studio):
    deadline, farm = studio
    queue = deadline.create_queue(
        farmId=farm, displayName="comp", defaultBudgetAction="NONE",
        jobRunAsUser={"posix": {"user": "render", "group": "render"}, "runAs": "QUEUE_CONFIGURED_USER"},
        requiredFileSystemLocationNames=["projects"],
    )["queueId"]
    fleet = deadline.create_fleet(
        farmId=farm, displayName="cpu", roleArn=ROLE, maxWorkerCount=10, configuration=CONFIGURATION
    )["fleetId"]
    deadline.get_waiter("fleet_active").wait(farmId=farm, fleetId=fleet)
    deadline.update_queue(
        farmId=farm, queueId=queue, requiredFileSystemLocationNamesToAdd=["textures"],
        requiredFileSystemLocationNamesToRemove=["projects"],
    )
    shown = deadline.get_queue(farmId=farm, queueId=queue)
    assert shown["requiredFileSystemLocationNames"] == ["textures"]
    assert shown["jobRunAsUser"]["posix"] == {"user": "render", "group": "render"}
    deadline.update_fleet(farmId=farm, fleetId=fleet, minWorkerCount=1, description="the old ones")
    shown = deadline.get_fleet(farmId=farm, fleetId=fleet)
    assert (shown["minWorkerCount"], shown["maxWorkerCount"], shown["description"]) == (1, 10, "the old ones")
    assert (shown["configuration"], shown["roleArn"]) == (CONFIGURATION, ROLE)

    both = {"farmId": farm, "queueId": queue, "fleetId": fleet}
    deadline.create_queue_fleet_association(**both)
    listed = deadline.get_paginator("list_queue_fleet_associations").paginate(farmId=farm).build_full_result()
    assert [found["status"] for found in listed["queueFleetAssociations"]] == ["ACTIVE"]
    with pytest.raises(deadline.exceptions.ConflictException) as conflict:
        deadline.delete_queue_fleet_association(**both)
    assert conflict.value.response["reason"] == "STATUS_CONFLICT"
    with pytest.raises(deadline.exceptions.ConflictException) as conflict:
        deadline.delete_fleet(farmId=farm, fleetId=fleet)
    assert conflict.value.response["resourceId"] == fleet
    deadline.update_queue_fleet_association(**both, status="STOP_SCHEDULING_AND_CANCEL_TASKS")
    deadline.get_waiter("queue_fleet_association_stopped").wait(**both)
    assert deadline.get_queue_fleet_association(**both)["status"] == "STOPPED"
    deadline.delete_queue_fleet_association(**both)
    deadline.delete_queue(farmId=farm, queueId=queue)
    deadline.delete_fleet(farmId=farm, fleetId=fleet)
    assert deadline.list_queues(farmId=farm)["queues"] == deadline.list_fleets(farmId=farm)["fleets"] == []


def test_the_same_client_token_creates_once(studio):
    deadline, farm = studio
    asked = {"farmId": farm, "displayName": "once", "clientToken": "a token of ours"}
    queue = deadline.create_queue(**asked)["queueId"]
    assert deadline.create_queue(**asked)["queueId"] == queue
    with pytest.raises(deadline.exceptions.ValidationException) as other:
        deadline.create_queue(**asked | {"displayName": "twice"})
    assert [problem["name"] for problem in other.value.response["fieldList"]] == ["clientToken"]
    assert deadline.create_queue(farmId=farm, displayName="once")["queueId"] != queue


def test_a_farm_with_something_in_it_is_not_deleted(deadline, north):
    with pytest.raises(deadline.exceptions.ValidationException, match="still contains"):
        deadline.delete_farm(farmId=north)
    for delete, parameters in [(deadline.delete_queue, {"queueId": COMP}), (deadline.delete_fleet, {"fleetId": CPU})]:
        with pytest.raises(deadline.exceptions.ConflictException, match="sessions and volumes are stored") as conflict:
            delete(farmId=north, **parameters)
        assert conflict.value.response["reason"] == "RESOURCE_IN_USE"


def test_tags_follow_the_resource_name(studio):
    deadline, farm = studio
    arn = f"arn:aws:deadline:us-west-2:123456789012:farm/{farm}"
    assert deadline.list_tags_for_resource(resourceArn=arn)["tags"] == {"show": "feature"}
    deadline.tag_resource(resourceArn=arn, tags={"show": "series", "écran": "4K & more"})
    assert deadline.list_tags_for_resource(resourceArn=arn)["tags"] == {"show": "series", "écran": "4K & more"}
    deadline.untag_resource(resourceArn=arn, tagKeys=["show", "écran", "never there"])
    assert deadline.list_tags_for_resource(resourceArn=arn)["tags"] == {}
    with pytest.raises(deadline.exceptions.ResourceNotFoundException):
        deadline.list_tags_for_resource(resourceArn=f"{arn}/queue/queue-" + "0" * 32)


def test_jobs_are_listed_with_what_their_sessions_tell(deadline, north):
    jobs = deadline.get_paginator("list_jobs").paginate(farmId=north, queueId=COMP).build_full_result()["jobs"]
    assert [(job["jobId"], job["name"], job["createdBy"]) for job in jobs] == [(LIGHT, "sh010 light v12", "alice")]
    job = deadline.get_job(farmId=north, queueId=COMP, jobId=LIGHT)
    assert job["startedAt"].isoformat() == "2025-11-24T10:00:00+00:00"
    assert job["endedAt"].isoformat() == "2025-11-25T00:30:00+00:00"
    assert job["taskRunStatusCounts"] == {}, "the sample says nothing of outcomes"
    with pytest.raises(deadline.exceptions.ResourceNotFoundException) as missing:
        deadline.get_job(farmId=north, queueId=SIM, jobId=LIGHT)
    assert missing.value.response["resourceType"] == "job"
    found = deadline.batch_get_job(identifiers=[{"farmId": north, "queueId": SIM, "jobId": job} for job in (OCEAN, LIGHT)])
    assert [job["jobId"] for job in found["jobs"]] == [OCEAN]
    assert [(error["jobId"], error["code"]) for error in found["errors"]] == [(LIGHT, "ResourceNotFoundException")]


def test_jobs_are_searched_over_queues(deadline, north):
    newest_first = [{"fieldSort": {"name": "CREATED_AT", "sortOrder": "DESCENDING"}}]
    found = deadline.search_jobs(
        farmId=north, queueIds=[COMP, SIM], itemOffset=0, pageSize=2, sortExpressions=newest_first
    )
    assert [job["name"] for job in found["jobs"]] == ["sh020 écume 🌊", "sh020 ocean"]
    assert (found["totalResults"], found["nextItemOffset"]) == (3, 2)
    filters = [
        {"stringListFilter": {"name": "CREATED_BY", "operator": "ANY_EQUALS", "values": ["alice", "carol"]}},
        {"searchTermFilter": {"searchTerm": "LIGHT", "matchType": "CONTAINS"}},
    ]
    found = deadline.search_jobs(
        farmId=north, queueIds=[COMP, SIM], itemOffset=0,
        filterExpressions={"operator": "AND", "filters": filters},
    )
    assert [job["jobId"] for job in found["jobs"]] == [LIGHT]
    with pytest.raises(deadline.exceptions.ValidationException, match="is not one of JOB_ID"):
        deadline.search_jobs(
            farmId=north, queueIds=[COMP], itemOffset=0,
            sortExpressions=[{"fieldSort": {"name": "SIZE", "sortOrder": "ASCENDING"}}],
        )


def test_all_jobs_of_a_large_queue_are_found_in_pages(deadline, wide):
    queue = sample.WIDE_QUEUES[3]
    expected = [sample.wide_job(number) for number in range(3, sample.WIDE_JOBS, 12)]
    pages = deadline.get_paginator("list_jobs").paginate(
        farmId=wide, queueId=queue, PaginationConfig={"PageSize": 7}
    )
    assert [job["jobId"] for job in pages.build_full_result()["jobs"]] == expected


def test_sessions_are_found_by_job_and_by_id(deadline, north):
    sessions = deadline.list_sessions(farmId=north, queueId=COMP, jobId=LIGHT)["sessions"]
    assert [session["sessionId"][-1] for session in sessions] == ["2", "1"], "by their starts"
    asked = {"farmId": north, "queueId": COMP, "jobId": LIGHT, "sessionId": sessions[0]["sessionId"]}
    session = deadline.get_session(**asked)
    assert session["hostProperties"]["ec2InstanceType"] == "g6.4xlarge"
    assert (session["fleetId"], session["lifecycleStatus"], session["log"]["logDriver"]) == (GPU, "ENDED", "none")
    missing = asked | {"sessionId": "session-" + "9" * 32}
    found = deadline.batch_get_session(identifiers=[asked, missing])
    assert [session["sessionId"] for session in found["sessions"]] == [asked["sessionId"]]
    assert [error["sessionId"] for error in found["errors"]] == [missing["sessionId"]]


def test_a_running_session_has_no_end(site):
    deadline = site.client()
    farm = site.farms["live"]
    queue = deadline.list_queues(farmId=farm)["queues"][0]["queueId"]
    job = deadline.list_jobs(farmId=farm, queueId=queue)["jobs"][0]
    assert (job["taskRunStatus"], job["taskRunStatusCounts"], "endedAt" in job) == ("RUNNING", {"RUNNING": 1}, False)
    session = deadline.list_sessions(farmId=farm, queueId=queue, jobId=job["jobId"])["sessions"][0]
    assert (session["lifecycleStatus"], "endedAt" in session) == ("STARTED", False)


def test_failed_work_is_told_apart(throwaway):
    outcomes = ["SUCCEEDED", "FAILED", "CANCELED", "RETRIED", "PREEMPTED"]
    worker = "worker-" + "e" * 32
    records = [
        sample.wide_session(number) | {"outcome": outcome, "queueId": COMP, "fleetId": CPU, "workerId": worker}
        for number, outcome in enumerate(outcomes)
    ]
    site = throwaway(farms={"studio": records})
    deadline, farm = site.client(), site.farms["studio"]
    jobs = deadline.list_jobs(farmId=farm, queueId=COMP)["jobs"]
    assert [job.get("taskRunStatus") for job in jobs] == ["SUCCEEDED", "FAILED", "CANCELED", None, None]
    assert [job["taskFailureRetryCount"] for job in jobs] == [0, 0, 0, 1, 0]
    failed = {"stringFilter": {"name": "TASK_RUN_STATUS", "operator": "EQUAL", "value": "FAILED"}}
    found = deadline.search_jobs(
        farmId=farm, queueIds=[COMP], itemOffset=0, filterExpressions={"operator": "AND", "filters": [failed]}
    )
    assert [job["jobId"] for job in found["jobs"]] == [sample.wide_job(1)]

    workers = deadline.get_paginator("list_workers").paginate(farmId=farm, fleetId=CPU).build_full_result()["workers"]
    assert [(found["workerId"], found["status"]) for found in workers] == [(worker, "STOPPED")]
    assert deadline.get_worker(farmId=farm, fleetId=CPU, workerId=worker)["createdAt"] == workers[0]["createdAt"]
    assert deadline.search_workers(farmId=farm, fleetIds=[CPU], itemOffset=0)["totalResults"] == 1
    found = deadline.batch_get_worker(identifiers=[{"farmId": farm, "fleetId": CPU, "workerId": worker}])
    assert (len(found["workers"]), found["errors"]) == (1, [])
    pages = deadline.get_paginator("list_sessions_for_worker").paginate(
        farmId=farm, fleetId=CPU, workerId=worker, PaginationConfig={"PageSize": 2}
    )
    assert len(pages.build_full_result()["sessions"]) == len(records)
    assert deadline.get_fleet(farmId=farm, fleetId=CPU)["workerCount"] == 0, "nobody is at work"


def test_times_keep_their_milliseconds_and_are_found_as_they_were_read(throwaway):
    times = {"startedAt": "2025-11-24T00:00:00.494Z", "endedAt": "2025-11-24T00:05:00.007Z"}
    worker = "worker-" + "e" * 32
    record = sample.wide_session(0) | times | {"queueId": COMP, "fleetId": CPU, "workerId": worker}
    site = throwaway(farms={"studio": [record]})
    deadline, farm = site.client(), site.farms["studio"]
    start, end = (datetime.fromisoformat(time) for time in times.values())
    job = deadline.list_jobs(farmId=farm, queueId=COMP)["jobs"][0]
    assert (job["createdAt"], job["startedAt"], job["endedAt"]) == (start, start, end)
    address = {"farmId": farm, "queueId": COMP, "jobId": job["jobId"]}
    for session in (
        deadline.list_sessions(**address)["sessions"][0],
        deadline.get_session(**address, sessionId=record["sessionId"]),
        deadline.batch_get_session(identifiers=[address | {"sessionId": record["sessionId"]}])["sessions"][0],
        deadline.list_sessions_for_worker(farmId=farm, fleetId=CPU, workerId=worker)["sessions"][0],
    ):
        assert (session["startedAt"], session["endedAt"]) == (start, end)
    assert deadline.get_worker(farmId=farm, fleetId=CPU, workerId=worker)["createdAt"] == start
    equal = {"dateTimeFilter": {"name": "STARTED_AT", "operator": "EQUAL", "dateTime": job["startedAt"]}}
    found = deadline.search_jobs(
        farmId=farm, queueIds=[COMP], itemOffset=0, filterExpressions={"operator": "AND", "filters": [equal]}
    )
    assert [job["jobId"] for job in found["jobs"]] == [job["jobId"]]


def test_a_reader_reads_and_changes_nothing(site, north):
    reader = site.folder.key("reader")
    deadline = client(site.variables_of(reader))
    assert deadline.list_jobs(farmId=north, queueId=COMP)["jobs"]
    for change in (
        lambda: deadline.create_farm(displayName="x"),
        lambda: deadline.update_queue(farmId=north, queueId=COMP, displayName="x"),
        lambda: deadline.delete_fleet(farmId=north, fleetId=CPU),
        lambda: deadline.tag_resource(resourceArn=f"arn:aws:deadline:::farm/{north}", tags={}),
    ):
        with pytest.raises(ClientError) as denied:
            change()
        assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
