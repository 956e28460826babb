//! The requests of the served operations. Written by `scripts/write-request-shapes`; not for editing.

use super::{Bounds, Member, Pattern, Place, Shape};

static FarmIdPattern: Pattern = Pattern::new("farm-[0-9a-f]{32}");

static FarmId: Shape = Shape::Text(Bounds(None, None), Some(&FarmIdPattern));

static QueueIdPattern: Pattern = Pattern::new("queue-[0-9a-f]{32}");

static QueueId: Shape = Shape::Text(Bounds(None, None), Some(&QueueIdPattern));

static SessionsStatisticsResourcesQueueIdsList: Shape = Shape::List(Bounds(Some(1), Some(10)), &QueueId);

static FleetIdPattern: Pattern = Pattern::new("fleet-[0-9a-f]{32}");

static FleetId: Shape = Shape::Text(Bounds(None, None), Some(&FleetIdPattern));

static SessionsStatisticsResourcesFleetIdsList: Shape = Shape::List(Bounds(Some(1), Some(10)), &FleetId);

static SessionsStatisticsResources: Shape = Shape::Union(&[
    Member { name: "queueIds", place: Place::Body, is_required: false, shape: &SessionsStatisticsResourcesQueueIdsList },
    Member { name: "fleetIds", place: Place::Body, is_required: false, shape: &SessionsStatisticsResourcesFleetIdsList },
]);

static SyntheticTimestamp_date_time: Shape = Shape::Timestamp;

static TimezonePattern: Pattern = Pattern::new("UTC[-+][01][0-9]:(30|00)");

static Timezone: Shape = Shape::Text(Bounds(Some(9), Some(9)), Some(&TimezonePattern));

static Period: Shape = Shape::Enum(&["HOURLY", "DAILY", "WEEKLY", "MONTHLY"]);

static UsageGroupByField: Shape = Shape::Enum(&["QUEUE_ID", "FLEET_ID", "JOB_ID", "USER_ID", "USAGE_TYPE", "INSTANCE_TYPE", "LICENSE_PRODUCT"]);

static UsageGroupBy: Shape = Shape::List(Bounds(Some(1), Some(2)), &UsageGroupByField);

static UsageStatistic: Shape = Shape::Enum(&["SUM", "MIN", "MAX", "AVG"]);

static UsageStatistics: Shape = Shape::List(Bounds(Some(1), Some(4)), &UsageStatistic);

pub(crate) static StartSessionsStatisticsAggregation: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "resourceIds", place: Place::Body, is_required: true, shape: &SessionsStatisticsResources },
    Member { name: "startTime", place: Place::Body, is_required: true, shape: &SyntheticTimestamp_date_time },
    Member { name: "endTime", place: Place::Body, is_required: true, shape: &SyntheticTimestamp_date_time },
    Member { name: "timezone", place: Place::Body, is_required: false, shape: &Timezone },
    Member { name: "period", place: Place::Body, is_required: false, shape: &Period },
    Member { name: "groupBy", place: Place::Body, is_required: true, shape: &UsageGroupBy },
    Member { name: "statistics", place: Place::Body, is_required: true, shape: &UsageStatistics },
];

static NextToken: Shape = Shape::Text(Bounds(Some(0), Some(4_096)), None);

static MaxResults: Shape = Shape::Integer(Bounds(Some(1), Some(100)));

static AggregationIdPattern: Pattern = Pattern::new("[0-9a-f]{32}");

static AggregationId: Shape = Shape::Text(Bounds(None, None), Some(&AggregationIdPattern));

pub(crate) static GetSessionsStatisticsAggregation: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "nextToken", place: Place::Query, is_required: false, shape: &NextToken },
    Member { name: "maxResults", place: Place::Query, is_required: false, shape: &MaxResults },
    Member { name: "aggregationId", place: Place::Query, is_required: true, shape: &AggregationId },
];

static IdentityCenterPrincipalIdPattern: Pattern = Pattern::new("([0-9a-f]{10}-|)[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}");

static IdentityCenterPrincipalId: Shape = Shape::Text(Bounds(Some(1), Some(47)), Some(&IdentityCenterPrincipalIdPattern));

pub(crate) static ListFarms: &[Member] = &[
    Member { name: "nextToken", place: Place::Query, is_required: false, shape: &NextToken },
    Member { name: "maxResults", place: Place::Query, is_required: false, shape: &MaxResults },
    Member { name: "principalId", place: Place::Query, is_required: false, shape: &IdentityCenterPrincipalId },
];

pub(crate) static GetFarm: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
];

static ClientToken: Shape = Shape::Text(Bounds(Some(1), Some(64)), None);

static ResourceName: Shape = Shape::Text(Bounds(Some(1), Some(100)), None);

static Description: Shape = Shape::Text(Bounds(Some(0), Some(100)), None);

static KmsKeyArnPattern: Pattern = Pattern::new(r"arn:(aws[a-zA-Z-]*):kms:[a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d{1}:\d{12}:key/[\w-]{1,120}");

static KmsKeyArn: Shape = Shape::Text(Bounds(None, None), Some(&KmsKeyArnPattern));

static CostScaleFactor: Shape = Shape::Number(Bounds(Some(0), Some(100)));

static String: Shape = Shape::Text(Bounds(None, None), None);

static Tags: Shape = Shape::Map(Bounds(None, None), &String, &String);

pub(crate) static CreateFarm: &[Member] = &[
    Member { name: "clientToken", place: Place::Header, is_required: false, shape: &ClientToken },
    Member { name: "displayName", place: Place::Body, is_required: true, shape: &ResourceName },
    Member { name: "description", place: Place::Body, is_required: false, shape: &Description },
    Member { name: "kmsKeyArn", place: Place::Body, is_required: false, shape: &KmsKeyArn },
    Member { name: "costScaleFactor", place: Place::Body, is_required: false, shape: &CostScaleFactor },
    Member { name: "tags", place: Place::Body, is_required: false, shape: &Tags },
];

pub(crate) static UpdateFarm: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "displayName", place: Place::Body, is_required: false, shape: &ResourceName },
    Member { name: "description", place: Place::Body, is_required: false, shape: &Description },
    Member { name: "costScaleFactor", place: Place::Body, is_required: false, shape: &CostScaleFactor },
];

pub(crate) static DeleteFarm: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
];

static QueueStatus: Shape = Shape::Enum(&["IDLE", "SCHEDULING", "SCHEDULING_BLOCKED"]);

pub(crate) static ListQueues: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "nextToken", place: Place::Query, is_required: false, shape: &NextToken },
    Member { name: "maxResults", place: Place::Query, is_required: false, shape: &MaxResults },
    Member { name: "principalId", place: Place::Query, is_required: false, shape: &IdentityCenterPrincipalId },
    Member { name: "status", place: Place::Query, is_required: false, shape: &QueueStatus },
];

pub(crate) static GetQueue: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Label, is_required: true, shape: &QueueId },
];

static DefaultQueueBudgetAction: Shape = Shape::Enum(&["NONE", "STOP_SCHEDULING_AND_COMPLETE_TASKS", "STOP_SCHEDULING_AND_CANCEL_TASKS"]);

static S3BucketName: Shape = Shape::Text(Bounds(Some(1), Some(255)), None);

static S3PrefixPattern: Pattern = Pattern::new("[a-zA-Z0-9-_/]+");

static S3Prefix: Shape = Shape::Text(Bounds(Some(1), Some(63)), Some(&S3PrefixPattern));

static JobAttachmentSettings: Shape = Shape::Structure(&[
    Member { name: "s3BucketName", place: Place::Body, is_required: true, shape: &S3BucketName },
    Member { name: "rootPrefix", place: Place::Body, is_required: true, shape: &S3Prefix },
]);

static IamRoleArnPattern: Pattern = Pattern::new(r"arn:(aws[a-zA-Z-]*):iam::\d{12}:role(/[!-.0-~]+)*/[\w+=,.@-]+");

static IamRoleArn: Shape = Shape::Text(Bounds(None, None), Some(&IamRoleArnPattern));

static PosixUserUserStringPattern: Pattern = Pattern::new("(?:[a-z][a-z0-9-]{0,30})?");

static PosixUserUserString: Shape = Shape::Text(Bounds(Some(0), Some(31)), Some(&PosixUserUserStringPattern));

static PosixUserGroupStringPattern: Pattern = Pattern::new("(?:[a-z][a-z0-9-]{0,30})?");

static PosixUserGroupString: Shape = Shape::Text(Bounds(Some(0), Some(31)), Some(&PosixUserGroupStringPattern));

static PosixUser: Shape = Shape::Structure(&[
    Member { name: "user", place: Place::Body, is_required: true, shape: &PosixUserUserString },
    Member { name: "group", place: Place::Body, is_required: true, shape: &PosixUserGroupString },
]);

static WindowsUserUserStringPattern: Pattern = Pattern::new(r#"[^"'/\[\]:;|=,+*?<>\s]*"#);

static WindowsUserUserString: Shape = Shape::Text(Bounds(Some(0), Some(111)), Some(&WindowsUserUserStringPattern));

static WindowsUserPasswordArnStringPattern: Pattern = Pattern::new(r"arn:(aws[a-zA-Z-]*):secretsmanager:[a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d{1}:\d{12}:secret:[a-zA-Z0-9-/_+=.@]{1,2028}");

static WindowsUserPasswordArnString: Shape = Shape::Text(Bounds(Some(20), Some(2_048)), Some(&WindowsUserPasswordArnStringPattern));

static WindowsUser: Shape = Shape::Structure(&[
    Member { name: "user", place: Place::Body, is_required: true, shape: &WindowsUserUserString },
    Member { name: "passwordArn", place: Place::Body, is_required: true, shape: &WindowsUserPasswordArnString },
]);

static RunAs: Shape = Shape::Enum(&["QUEUE_CONFIGURED_USER", "WORKER_AGENT_USER"]);

static JobRunAsUser: Shape = Shape::Structure(&[
    Member { name: "posix", place: Place::Body, is_required: false, shape: &PosixUser },
    Member { name: "windows", place: Place::Body, is_required: false, shape: &WindowsUser },
    Member { name: "runAs", place: Place::Body, is_required: true, shape: &RunAs },
]);

static FileSystemLocationNamePattern: Pattern = Pattern::new("[0-9A-Za-z ]*");

static FileSystemLocationName: Shape = Shape::Text(Bounds(Some(1), Some(64)), Some(&FileSystemLocationNamePattern));

static RequiredFileSystemLocationNames: Shape = Shape::List(Bounds(Some(0), Some(20)), &FileSystemLocationName);

static StorageProfileIdPattern: Pattern = Pattern::new("sp-[0-9a-f]{32}");

static StorageProfileId: Shape = Shape::Text(Bounds(None, None), Some(&StorageProfileIdPattern));

static AllowedStorageProfileIds: Shape = Shape::List(Bounds(Some(0), Some(20)), &StorageProfileId);

static PriorityFifoSchedulingConfiguration: Shape = Shape::Structure(&[
]);

static SchedulingRenderingTaskBuffer: Shape = Shape::Integer(Bounds(Some(0), Some(1_000)));

static PriorityBalancedSchedulingConfiguration: Shape = Shape::Structure(&[
    Member { name: "renderingTaskBuffer", place: Place::Body, is_required: false, shape: &SchedulingRenderingTaskBuffer },
]);

static SchedulingPriorityWeight: Shape = Shape::Number(Bounds(Some(0), Some(10_000)));

static SchedulingErrorWeight: Shape = Shape::Number(Bounds(Some(-10_000), Some(10_000)));

static SchedulingSubmissionTimeWeight: Shape = Shape::Number(Bounds(Some(0), Some(10_000)));

static SchedulingRenderingTaskWeight: Shape = Shape::Number(Bounds(Some(-10_000), Some(10_000)));

static SchedulingMaxPriorityOverrideAlwaysScheduleFirst: Shape = Shape::Structure(&[
]);

static SchedulingMaxPriorityOverride: Shape = Shape::Union(&[
    Member { name: "alwaysScheduleFirst", place: Place::Body, is_required: false, shape: &SchedulingMaxPriorityOverrideAlwaysScheduleFirst },
]);

static SchedulingMinPriorityOverrideAlwaysScheduleLast: Shape = Shape::Structure(&[
]);

static SchedulingMinPriorityOverride: Shape = Shape::Union(&[
    Member { name: "alwaysScheduleLast", place: Place::Body, is_required: false, shape: &SchedulingMinPriorityOverrideAlwaysScheduleLast },
]);

static WeightedBalancedSchedulingConfiguration: Shape = Shape::Structure(&[
    Member { name: "priorityWeight", place: Place::Body, is_required: false, shape: &SchedulingPriorityWeight },
    Member { name: "errorWeight", place: Place::Body, is_required: false, shape: &SchedulingErrorWeight },
    Member { name: "submissionTimeWeight", place: Place::Body, is_required: false, shape: &SchedulingSubmissionTimeWeight },
    Member { name: "renderingTaskWeight", place: Place::Body, is_required: false, shape: &SchedulingRenderingTaskWeight },
    Member { name: "renderingTaskBuffer", place: Place::Body, is_required: false, shape: &SchedulingRenderingTaskBuffer },
    Member { name: "maxPriorityOverride", place: Place::Body, is_required: false, shape: &SchedulingMaxPriorityOverride },
    Member { name: "minPriorityOverride", place: Place::Body, is_required: false, shape: &SchedulingMinPriorityOverride },
]);

static SchedulingConfiguration: Shape = Shape::Union(&[
    Member { name: "priorityFifo", place: Place::Body, is_required: false, shape: &PriorityFifoSchedulingConfiguration },
    Member { name: "priorityBalanced", place: Place::Body, is_required: false, shape: &PriorityBalancedSchedulingConfiguration },
    Member { name: "weightedBalanced", place: Place::Body, is_required: false, shape: &WeightedBalancedSchedulingConfiguration },
]);

pub(crate) static CreateQueue: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "clientToken", place: Place::Header, is_required: false, shape: &ClientToken },
    Member { name: "displayName", place: Place::Body, is_required: true, shape: &ResourceName },
    Member { name: "description", place: Place::Body, is_required: false, shape: &Description },
    Member { name: "defaultBudgetAction", place: Place::Body, is_required: false, shape: &DefaultQueueBudgetAction },
    Member { name: "jobAttachmentSettings", place: Place::Body, is_required: false, shape: &JobAttachmentSettings },
    Member { name: "roleArn", place: Place::Body, is_required: false, shape: &IamRoleArn },
    Member { name: "jobRunAsUser", place: Place::Body, is_required: false, shape: &JobRunAsUser },
    Member { name: "requiredFileSystemLocationNames", place: Place::Body, is_required: false, shape: &RequiredFileSystemLocationNames },
    Member { name: "allowedStorageProfileIds", place: Place::Body, is_required: false, shape: &AllowedStorageProfileIds },
    Member { name: "tags", place: Place::Body, is_required: false, shape: &Tags },
    Member { name: "schedulingConfiguration", place: Place::Body, is_required: false, shape: &SchedulingConfiguration },
];

pub(crate) static UpdateQueue: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Label, is_required: true, shape: &QueueId },
    Member { name: "clientToken", place: Place::Header, is_required: false, shape: &ClientToken },
    Member { name: "displayName", place: Place::Body, is_required: false, shape: &ResourceName },
    Member { name: "description", place: Place::Body, is_required: false, shape: &Description },
    Member { name: "defaultBudgetAction", place: Place::Body, is_required: false, shape: &DefaultQueueBudgetAction },
    Member { name: "jobAttachmentSettings", place: Place::Body, is_required: false, shape: &JobAttachmentSettings },
    Member { name: "roleArn", place: Place::Body, is_required: false, shape: &IamRoleArn },
    Member { name: "jobRunAsUser", place: Place::Body, is_required: false, shape: &JobRunAsUser },
    Member { name: "requiredFileSystemLocationNamesToAdd", place: Place::Body, is_required: false, shape: &RequiredFileSystemLocationNames },
    Member { name: "requiredFileSystemLocationNamesToRemove", place: Place::Body, is_required: false, shape: &RequiredFileSystemLocationNames },
    Member { name: "allowedStorageProfileIdsToAdd", place: Place::Body, is_required: false, shape: &AllowedStorageProfileIds },
    Member { name: "allowedStorageProfileIdsToRemove", place: Place::Body, is_required: false, shape: &AllowedStorageProfileIds },
    Member { name: "schedulingConfiguration", place: Place::Body, is_required: false, shape: &SchedulingConfiguration },
];

pub(crate) static DeleteQueue: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Label, is_required: true, shape: &QueueId },
];

static FleetStatus: Shape = Shape::Enum(&["ACTIVE", "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "CREATE_FAILED", "UPDATE_FAILED", "SUSPENDED"]);

pub(crate) static ListFleets: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "nextToken", place: Place::Query, is_required: false, shape: &NextToken },
    Member { name: "maxResults", place: Place::Query, is_required: false, shape: &MaxResults },
    Member { name: "principalId", place: Place::Query, is_required: false, shape: &IdentityCenterPrincipalId },
    Member { name: "displayName", place: Place::Query, is_required: false, shape: &ResourceName },
    Member { name: "status", place: Place::Query, is_required: false, shape: &FleetStatus },
];

pub(crate) static GetFleet: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "fleetId", place: Place::Label, is_required: true, shape: &FleetId },
];

static MinZeroMaxInteger: Shape = Shape::Integer(Bounds(Some(0), Some(2_147_483_647)));

static AutoScalingMode: Shape = Shape::Enum(&["NO_SCALING", "EVENT_BASED_AUTO_SCALING"]);

static MinOneMaxInteger: Shape = Shape::Integer(Bounds(Some(1), Some(2_147_483_647)));

static CustomerManagedAutoScalingConfiguration: Shape = Shape::Structure(&[
    Member { name: "standbyWorkerCount", place: Place::Body, is_required: false, shape: &MinZeroMaxInteger },
    Member { name: "workerIdleDurationSeconds", place: Place::Body, is_required: false, shape: &MinZeroMaxInteger },
    Member { name: "scaleOutWorkersPerMinute", place: Place::Body, is_required: false, shape: &MinOneMaxInteger },
]);

static MinOneMaxTenThousand: Shape = Shape::Integer(Bounds(Some(1), Some(10_000)));

static VCpuCountRange: Shape = Shape::Structure(&[
    Member { name: "min", place: Place::Body, is_required: true, shape: &MinOneMaxTenThousand },
    Member { name: "max", place: Place::Body, is_required: false, shape: &MinOneMaxTenThousand },
]);

static MemoryAmountMiB: Shape = Shape::Integer(Bounds(Some(512), Some(2_147_483_647)));

static MemoryMiBRange: Shape = Shape::Structure(&[
    Member { name: "min", place: Place::Body, is_required: true, shape: &MemoryAmountMiB },
    Member { name: "max", place: Place::Body, is_required: false, shape: &MemoryAmountMiB },
]);

static AcceleratorType: Shape = Shape::Enum(&["gpu"]);

static AcceleratorTypes: Shape = Shape::List(Bounds(None, None), &AcceleratorType);

static AcceleratorCountRange: Shape = Shape::Structure(&[
    Member { name: "min", place: Place::Body, is_required: true, shape: &MinZeroMaxInteger },
    Member { name: "max", place: Place::Body, is_required: false, shape: &MinZeroMaxInteger },
]);

static AcceleratorTotalMemoryMiBRange: Shape = Shape::Structure(&[
    Member { name: "min", place: Place::Body, is_required: true, shape: &MinZeroMaxInteger },
    Member { name: "max", place: Place::Body, is_required: false, shape: &MinZeroMaxInteger },
]);

static CustomerManagedFleetOperatingSystemFamily: Shape = Shape::Enum(&["WINDOWS", "LINUX", "MACOS"]);

static CpuArchitectureType: Shape = Shape::Enum(&["x86_64", "arm64"]);

static AmountCapabilityNamePattern: Pattern = Pattern::new(r"([a-zA-Z][a-zA-Z0-9]{0,63}:)?amount(\.[a-zA-Z][a-zA-Z0-9]{0,63})+");

static AmountCapabilityName: Shape = Shape::Text(Bounds(Some(1), Some(100)), Some(&AmountCapabilityNamePattern));

static Float: Shape = Shape::Number(Bounds(None, None));

static FleetAmountCapability: Shape = Shape::Structure(&[
    Member { name: "name", place: Place::Body, is_required: true, shape: &AmountCapabilityName },
    Member { name: "min", place: Place::Body, is_required: true, shape: &Float },
    Member { name: "max", place: Place::Body, is_required: false, shape: &Float },
]);

static CustomFleetAmountCapabilities: Shape = Shape::List(Bounds(Some(1), Some(15)), &FleetAmountCapability);

static AttributeCapabilityNamePattern: Pattern = Pattern::new(r"([a-zA-Z][a-zA-Z0-9]{0,63}:)?attr(\.[a-zA-Z][a-zA-Z0-9]{0,63})+");

static AttributeCapabilityName: Shape = Shape::Text(Bounds(Some(1), Some(100)), Some(&AttributeCapabilityNamePattern));

static AttributeCapabilityValuePattern: Pattern = Pattern::new(r"[a-zA-Z_]([a-zA-Z0-9_\-]{0,99})");

static AttributeCapabilityValue: Shape = Shape::Text(Bounds(Some(1), Some(100)), Some(&AttributeCapabilityValuePattern));

static AttributeCapabilityValuesList: Shape = Shape::List(Bounds(Some(1), Some(10)), &AttributeCapabilityValue);

static FleetAttributeCapability: Shape = Shape::Structure(&[
    Member { name: "name", place: Place::Body, is_required: true, shape: &AttributeCapabilityName },
    Member { name: "values", place: Place::Body, is_required: true, shape: &AttributeCapabilityValuesList },
]);

static CustomFleetAttributeCapabilities: Shape = Shape::List(Bounds(Some(1), Some(15)), &FleetAttributeCapability);

static CustomerManagedWorkerCapabilities: Shape = Shape::Structure(&[
    Member { name: "vCpuCount", place: Place::Body, is_required: true, shape: &VCpuCountRange },
    Member { name: "memoryMiB", place: Place::Body, is_required: true, shape: &MemoryMiBRange },
    Member { name: "acceleratorTypes", place: Place::Body, is_required: false, shape: &AcceleratorTypes },
    Member { name: "acceleratorCount", place: Place::Body, is_required: false, shape: &AcceleratorCountRange },
    Member { name: "acceleratorTotalMemoryMiB", place: Place::Body, is_required: false, shape: &AcceleratorTotalMemoryMiBRange },
    Member { name: "osFamily", place: Place::Body, is_required: true, shape: &CustomerManagedFleetOperatingSystemFamily },
    Member { name: "cpuArchitectureType", place: Place::Body, is_required: true, shape: &CpuArchitectureType },
    Member { name: "customAmounts", place: Place::Body, is_required: false, shape: &CustomFleetAmountCapabilities },
    Member { name: "customAttributes", place: Place::Body, is_required: false, shape: &CustomFleetAttributeCapabilities },
]);

static TagPropagationMode: Shape = Shape::Enum(&["NO_PROPAGATION", "PROPAGATE_TAGS_TO_WORKERS_AT_LAUNCH"]);

static CustomerManagedFleetConfiguration: Shape = Shape::Structure(&[
    Member { name: "mode", place: Place::Body, is_required: true, shape: &AutoScalingMode },
    Member { name: "autoScalingConfiguration", place: Place::Body, is_required: false, shape: &CustomerManagedAutoScalingConfiguration },
    Member { name: "workerCapabilities", place: Place::Body, is_required: true, shape: &CustomerManagedWorkerCapabilities },
    Member { name: "storageProfileId", place: Place::Body, is_required: false, shape: &StorageProfileId },
    Member { name: "tagPropagationMode", place: Place::Body, is_required: false, shape: &TagPropagationMode },
]);

static ServiceManagedFleetOperatingSystemFamily: Shape = Shape::Enum(&["WINDOWS", "LINUX"]);

static Integer: Shape = Shape::Integer(Bounds(None, None));

static EbsIops: Shape = Shape::Integer(Bounds(Some(3_000), Some(16_000)));

static EbsThroughputMiB: Shape = Shape::Integer(Bounds(Some(125), Some(1_000)));

static Ec2EbsVolume: Shape = Shape::Structure(&[
    Member { name: "sizeGiB", place: Place::Body, is_required: false, shape: &Integer },
    Member { name: "iops", place: Place::Body, is_required: false, shape: &EbsIops },
    Member { name: "throughputMiB", place: Place::Body, is_required: false, shape: &EbsThroughputMiB },
]);

static AcceleratorName: Shape = Shape::Enum(&["t4", "a10g", "l4", "l40s", "rtx-pro-server-6000", "rtx-pro-4500"]);

static AcceleratorRuntime: Shape = Shape::Text(Bounds(Some(1), Some(100)), None);

static AcceleratorSelection: Shape = Shape::Structure(&[
    Member { name: "name", place: Place::Body, is_required: true, shape: &AcceleratorName },
    Member { name: "runtime", place: Place::Body, is_required: false, shape: &AcceleratorRuntime },
]);

static AcceleratorSelections: Shape = Shape::List(Bounds(None, None), &AcceleratorSelection);

static AcceleratorCapabilities: Shape = Shape::Structure(&[
    Member { name: "selections", place: Place::Body, is_required: true, shape: &AcceleratorSelections },
    Member { name: "count", place: Place::Body, is_required: false, shape: &AcceleratorCountRange },
]);

static InstanceType: Shape = Shape::Text(Bounds(Some(1), Some(100)), None);

static InstanceTypes: Shape = Shape::List(Bounds(Some(1), Some(100)), &InstanceType);

static FleetSoftwareAddOnName: Shape = Shape::Enum(&["docker"]);

static FleetSoftwareAddOn: Shape = Shape::Structure(&[
    Member { name: "name", place: Place::Body, is_required: true, shape: &FleetSoftwareAddOnName },
]);

static FleetSoftwareAddOns: Shape = Shape::List(Bounds(Some(0), Some(10)), &FleetSoftwareAddOn);

static ServiceManagedEc2InstanceCapabilities: Shape = Shape::Structure(&[
    Member { name: "vCpuCount", place: Place::Body, is_required: true, shape: &VCpuCountRange },
    Member { name: "memoryMiB", place: Place::Body, is_required: true, shape: &MemoryMiBRange },
    Member { name: "osFamily", place: Place::Body, is_required: true, shape: &ServiceManagedFleetOperatingSystemFamily },
    Member { name: "cpuArchitectureType", place: Place::Body, is_required: true, shape: &CpuArchitectureType },
    Member { name: "rootEbsVolume", place: Place::Body, is_required: false, shape: &Ec2EbsVolume },
    Member { name: "acceleratorCapabilities", place: Place::Body, is_required: false, shape: &AcceleratorCapabilities },
    Member { name: "allowedInstanceTypes", place: Place::Body, is_required: false, shape: &InstanceTypes },
    Member { name: "excludedInstanceTypes", place: Place::Body, is_required: false, shape: &InstanceTypes },
    Member { name: "customAmounts", place: Place::Body, is_required: false, shape: &CustomFleetAmountCapabilities },
    Member { name: "customAttributes", place: Place::Body, is_required: false, shape: &CustomFleetAttributeCapabilities },
    Member { name: "softwareAddOns", place: Place::Body, is_required: false, shape: &FleetSoftwareAddOns },
]);

static Ec2MarketType: Shape = Shape::Enum(&["on-demand", "spot", "wait-and-save"]);

static ServiceManagedEc2InstanceMarketOptions: Shape = Shape::Structure(&[
    Member { name: "type", place: Place::Body, is_required: true, shape: &Ec2MarketType },
]);

static VpcResourceConfigurationArn: Shape = Shape::Text(Bounds(Some(1), Some(2_048)), None);

static VpcResourceConfigurationArns: Shape = Shape::List(Bounds(Some(0), Some(10)), &VpcResourceConfigurationArn);

static VpcConfiguration: Shape = Shape::Structure(&[
    Member { name: "resourceConfigurationArns", place: Place::Body, is_required: false, shape: &VpcResourceConfigurationArns },
]);

static PersistentVolumeSizeGiB: Shape = Shape::Integer(Bounds(Some(1), Some(65_536)));

static PersistentVolumeIops: Shape = Shape::Integer(Bounds(Some(100), Some(80_000)));

static PersistentVolumeThroughputMiB: Shape = Shape::Integer(Bounds(Some(125), Some(2_000)));

static MountPath: Shape = Shape::Text(Bounds(Some(1), Some(255)), None);

static PersistentVolumeTtlHours: Shape = Shape::Integer(Bounds(Some(1), Some(8_760)));

static PersistentVolumeConfiguration: Shape = Shape::Structure(&[
    Member { name: "sizeGiB", place: Place::Body, is_required: false, shape: &PersistentVolumeSizeGiB },
    Member { name: "iops", place: Place::Body, is_required: false, shape: &PersistentVolumeIops },
    Member { name: "throughputMiB", place: Place::Body, is_required: false, shape: &PersistentVolumeThroughputMiB },
    Member { name: "mountPath", place: Place::Body, is_required: true, shape: &MountPath },
    Member { name: "lastUsedTtlHours", place: Place::Body, is_required: false, shape: &PersistentVolumeTtlHours },
]);

static ServiceManagedEc2WorkerIdleDurationSeconds: Shape = Shape::Integer(Bounds(Some(0), Some(86_400)));

static ServiceManagedEc2AutoScalingConfiguration: Shape = Shape::Structure(&[
    Member { name: "standbyWorkerCount", place: Place::Body, is_required: false, shape: &MinZeroMaxInteger },
    Member { name: "workerIdleDurationSeconds", place: Place::Body, is_required: false, shape: &ServiceManagedEc2WorkerIdleDurationSeconds },
    Member { name: "scaleOutWorkersPerMinute", place: Place::Body, is_required: false, shape: &MinOneMaxInteger },
]);

static ServiceManagedEc2FleetConfiguration: Shape = Shape::Structure(&[
    Member { name: "instanceCapabilities", place: Place::Body, is_required: true, shape: &ServiceManagedEc2InstanceCapabilities },
    Member { name: "instanceMarketOptions", place: Place::Body, is_required: true, shape: &ServiceManagedEc2InstanceMarketOptions },
    Member { name: "vpcConfiguration", place: Place::Body, is_required: false, shape: &VpcConfiguration },
    Member { name: "storageProfileId", place: Place::Body, is_required: false, shape: &StorageProfileId },
    Member { name: "persistentVolumeConfiguration", place: Place::Body, is_required: false, shape: &PersistentVolumeConfiguration },
    Member { name: "autoScalingConfiguration", place: Place::Body, is_required: false, shape: &ServiceManagedEc2AutoScalingConfiguration },
]);

static FleetConfiguration: Shape = Shape::Union(&[
    Member { name: "customerManaged", place: Place::Body, is_required: false, shape: &CustomerManagedFleetConfiguration },
    Member { name: "serviceManagedEc2", place: Place::Body, is_required: false, shape: &ServiceManagedEc2FleetConfiguration },
]);

static HostConfigurationScript: Shape = Shape::Text(Bounds(Some(0), Some(15_000)), None);

static HostConfigurationScriptTimeoutSeconds: Shape = Shape::Integer(Bounds(Some(300), Some(3_600)));

static HostConfiguration: Shape = Shape::Structure(&[
    Member { name: "scriptBody", place: Place::Body, is_required: true, shape: &HostConfigurationScript },
    Member { name: "scriptTimeoutSeconds", place: Place::Body, is_required: false, shape: &HostConfigurationScriptTimeoutSeconds },
]);

pub(crate) static CreateFleet: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "clientToken", place: Place::Header, is_required: false, shape: &ClientToken },
    Member { name: "displayName", place: Place::Body, is_required: true, shape: &ResourceName },
    Member { name: "description", place: Place::Body, is_required: false, shape: &Description },
    Member { name: "roleArn", place: Place::Body, is_required: true, shape: &IamRoleArn },
    Member { name: "minWorkerCount", place: Place::Body, is_required: false, shape: &MinZeroMaxInteger },
    Member { name: "maxWorkerCount", place: Place::Body, is_required: true, shape: &MinZeroMaxInteger },
    Member { name: "configuration", place: Place::Body, is_required: true, shape: &FleetConfiguration },
    Member { name: "tags", place: Place::Body, is_required: false, shape: &Tags },
    Member { name: "hostConfiguration", place: Place::Body, is_required: false, shape: &HostConfiguration },
];

pub(crate) static UpdateFleet: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "fleetId", place: Place::Label, is_required: true, shape: &FleetId },
    Member { name: "clientToken", place: Place::Header, is_required: false, shape: &ClientToken },
    Member { name: "displayName", place: Place::Body, is_required: false, shape: &ResourceName },
    Member { name: "description", place: Place::Body, is_required: false, shape: &Description },
    Member { name: "roleArn", place: Place::Body, is_required: false, shape: &IamRoleArn },
    Member { name: "minWorkerCount", place: Place::Body, is_required: false, shape: &MinZeroMaxInteger },
    Member { name: "maxWorkerCount", place: Place::Body, is_required: false, shape: &MinZeroMaxInteger },
    Member { name: "configuration", place: Place::Body, is_required: false, shape: &FleetConfiguration },
    Member { name: "hostConfiguration", place: Place::Body, is_required: false, shape: &HostConfiguration },
];

pub(crate) static DeleteFleet: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "fleetId", place: Place::Label, is_required: true, shape: &FleetId },
    Member { name: "clientToken", place: Place::Header, is_required: false, shape: &ClientToken },
];

pub(crate) static ListQueueFleetAssociations: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "nextToken", place: Place::Query, is_required: false, shape: &NextToken },
    Member { name: "maxResults", place: Place::Query, is_required: false, shape: &MaxResults },
    Member { name: "queueId", place: Place::Query, is_required: false, shape: &QueueId },
    Member { name: "fleetId", place: Place::Query, is_required: false, shape: &FleetId },
];

pub(crate) static GetQueueFleetAssociation: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Label, is_required: true, shape: &QueueId },
    Member { name: "fleetId", place: Place::Label, is_required: true, shape: &FleetId },
];

pub(crate) static CreateQueueFleetAssociation: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Body, is_required: true, shape: &QueueId },
    Member { name: "fleetId", place: Place::Body, is_required: true, shape: &FleetId },
];

static UpdateQueueFleetAssociationStatus: Shape = Shape::Enum(&["ACTIVE", "STOP_SCHEDULING_AND_COMPLETE_TASKS", "STOP_SCHEDULING_AND_CANCEL_TASKS"]);

pub(crate) static UpdateQueueFleetAssociation: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Label, is_required: true, shape: &QueueId },
    Member { name: "fleetId", place: Place::Label, is_required: true, shape: &FleetId },
    Member { name: "status", place: Place::Body, is_required: true, shape: &UpdateQueueFleetAssociationStatus },
];

pub(crate) static DeleteQueueFleetAssociation: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Label, is_required: true, shape: &QueueId },
    Member { name: "fleetId", place: Place::Label, is_required: true, shape: &FleetId },
];

pub(crate) static ListJobs: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Label, is_required: true, shape: &QueueId },
    Member { name: "nextToken", place: Place::Query, is_required: false, shape: &NextToken },
    Member { name: "maxResults", place: Place::Query, is_required: false, shape: &MaxResults },
    Member { name: "principalId", place: Place::Query, is_required: false, shape: &IdentityCenterPrincipalId },
];

static JobIdPattern: Pattern = Pattern::new("job-[0-9a-f]{32}");

static JobId: Shape = Shape::Text(Bounds(None, None), Some(&JobIdPattern));

pub(crate) static GetJob: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Label, is_required: true, shape: &QueueId },
    Member { name: "jobId", place: Place::Label, is_required: true, shape: &JobId },
];

static ComparisonOperator: Shape = Shape::Enum(&["EQUAL", "NOT_EQUAL", "GREATER_THAN_EQUAL_TO", "GREATER_THAN", "LESS_THAN_EQUAL_TO", "LESS_THAN", "ANY_EQUALS", "ALL_NOT_EQUALS"]);

static DateTimeFilterExpression: Shape = Shape::Structure(&[
    Member { name: "name", place: Place::Body, is_required: true, shape: &String },
    Member { name: "operator", place: Place::Body, is_required: true, shape: &ComparisonOperator },
    Member { name: "dateTime", place: Place::Body, is_required: true, shape: &SyntheticTimestamp_date_time },
]);

static ParameterValue: Shape = Shape::Text(Bounds(Some(1), Some(256)), None);

static ParameterFilterExpression: Shape = Shape::Structure(&[
    Member { name: "name", place: Place::Body, is_required: true, shape: &String },
    Member { name: "operator", place: Place::Body, is_required: true, shape: &ComparisonOperator },
    Member { name: "value", place: Place::Body, is_required: true, shape: &ParameterValue },
]);

static SearchTerm: Shape = Shape::Text(Bounds(Some(1), Some(256)), None);

static SearchTermMatchingType: Shape = Shape::Enum(&["FUZZY_MATCH", "CONTAINS"]);

static SearchTermFilterExpression: Shape = Shape::Structure(&[
    Member { name: "searchTerm", place: Place::Body, is_required: true, shape: &SearchTerm },
    Member { name: "matchType", place: Place::Body, is_required: false, shape: &SearchTermMatchingType },
]);

static StringFilter: Shape = Shape::Text(Bounds(Some(1), Some(256)), None);

static StringFilterExpression: Shape = Shape::Structure(&[
    Member { name: "name", place: Place::Body, is_required: true, shape: &String },
    Member { name: "operator", place: Place::Body, is_required: true, shape: &ComparisonOperator },
    Member { name: "value", place: Place::Body, is_required: true, shape: &StringFilter },
]);

static StringFilterList: Shape = Shape::List(Bounds(Some(1), Some(16)), &StringFilter);

static StringListFilterExpression: Shape = Shape::Structure(&[
    Member { name: "name", place: Place::Body, is_required: true, shape: &String },
    Member { name: "operator", place: Place::Body, is_required: true, shape: &ComparisonOperator },
    Member { name: "values", place: Place::Body, is_required: true, shape: &StringFilterList },
]);

static SearchFilterExpression: Shape = Shape::Union(&[
    Member { name: "dateTimeFilter", place: Place::Body, is_required: false, shape: &DateTimeFilterExpression },
    Member { name: "parameterFilter", place: Place::Body, is_required: false, shape: &ParameterFilterExpression },
    Member { name: "searchTermFilter", place: Place::Body, is_required: false, shape: &SearchTermFilterExpression },
    Member { name: "stringFilter", place: Place::Body, is_required: false, shape: &StringFilterExpression },
    Member { name: "stringListFilter", place: Place::Body, is_required: false, shape: &StringListFilterExpression },
    Member { name: "groupFilter", place: Place::Body, is_required: false, shape: &SearchGroupedFilterExpressions },
]);

static SearchFilterExpressions: Shape = Shape::List(Bounds(Some(1), Some(3)), &SearchFilterExpression);

static LogicalOperator: Shape = Shape::Enum(&["AND", "OR"]);

static SearchGroupedFilterExpressions: Shape = Shape::Structure(&[
    Member { name: "filters", place: Place::Body, is_required: true, shape: &SearchFilterExpressions },
    Member { name: "operator", place: Place::Body, is_required: true, shape: &LogicalOperator },
]);

static UserJobsFirst: Shape = Shape::Structure(&[
    Member { name: "userIdentityId", place: Place::Body, is_required: true, shape: &String },
]);

static SortOrder: Shape = Shape::Enum(&["ASCENDING", "DESCENDING"]);

static FieldSortExpression: Shape = Shape::Structure(&[
    Member { name: "sortOrder", place: Place::Body, is_required: true, shape: &SortOrder },
    Member { name: "name", place: Place::Body, is_required: true, shape: &String },
]);

static ParameterSortExpression: Shape = Shape::Structure(&[
    Member { name: "sortOrder", place: Place::Body, is_required: true, shape: &SortOrder },
    Member { name: "name", place: Place::Body, is_required: true, shape: &String },
]);

static SearchSortExpression: Shape = Shape::Union(&[
    Member { name: "userJobsFirst", place: Place::Body, is_required: false, shape: &UserJobsFirst },
    Member { name: "fieldSort", place: Place::Body, is_required: false, shape: &FieldSortExpression },
    Member { name: "parameterSort", place: Place::Body, is_required: false, shape: &ParameterSortExpression },
]);

static SearchSortExpressions: Shape = Shape::List(Bounds(Some(1), Some(5)), &SearchSortExpression);

static SearchJobsRequestItemOffsetInteger: Shape = Shape::Integer(Bounds(Some(0), Some(10_000)));

static SearchJobsRequestPageSizeInteger: Shape = Shape::Integer(Bounds(Some(1), Some(100)));

static SearchJobsRequestQueueIdsList: Shape = Shape::List(Bounds(Some(1), Some(10)), &QueueId);

pub(crate) static SearchJobs: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "filterExpressions", place: Place::Body, is_required: false, shape: &SearchGroupedFilterExpressions },
    Member { name: "sortExpressions", place: Place::Body, is_required: false, shape: &SearchSortExpressions },
    Member { name: "itemOffset", place: Place::Body, is_required: true, shape: &SearchJobsRequestItemOffsetInteger },
    Member { name: "pageSize", place: Place::Body, is_required: false, shape: &SearchJobsRequestPageSizeInteger },
    Member { name: "queueIds", place: Place::Body, is_required: true, shape: &SearchJobsRequestQueueIdsList },
];

static BatchGetJobIdentifier: Shape = Shape::Structure(&[
    Member { name: "farmId", place: Place::Body, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Body, is_required: true, shape: &QueueId },
    Member { name: "jobId", place: Place::Body, is_required: true, shape: &JobId },
]);

static BatchGetJobIdentifiers: Shape = Shape::List(Bounds(Some(1), Some(100)), &BatchGetJobIdentifier);

pub(crate) static BatchGetJob: &[Member] = &[
    Member { name: "identifiers", place: Place::Body, is_required: true, shape: &BatchGetJobIdentifiers },
];

pub(crate) static ListSessions: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Label, is_required: true, shape: &QueueId },
    Member { name: "jobId", place: Place::Label, is_required: true, shape: &JobId },
    Member { name: "nextToken", place: Place::Query, is_required: false, shape: &NextToken },
    Member { name: "maxResults", place: Place::Query, is_required: false, shape: &MaxResults },
];

static SessionIdPattern: Pattern = Pattern::new("session-[0-9a-f]{32}");

static SessionId: Shape = Shape::Text(Bounds(None, None), Some(&SessionIdPattern));

pub(crate) static GetSession: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Label, is_required: true, shape: &QueueId },
    Member { name: "jobId", place: Place::Label, is_required: true, shape: &JobId },
    Member { name: "sessionId", place: Place::Label, is_required: true, shape: &SessionId },
];

static WorkerIdPattern: Pattern = Pattern::new("worker-[0-9a-f]{32}");

static WorkerId: Shape = Shape::Text(Bounds(None, None), Some(&WorkerIdPattern));

pub(crate) static ListSessionsForWorker: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "fleetId", place: Place::Label, is_required: true, shape: &FleetId },
    Member { name: "workerId", place: Place::Label, is_required: true, shape: &WorkerId },
    Member { name: "nextToken", place: Place::Query, is_required: false, shape: &NextToken },
    Member { name: "maxResults", place: Place::Query, is_required: false, shape: &MaxResults },
];

static BatchGetSessionIdentifier: Shape = Shape::Structure(&[
    Member { name: "farmId", place: Place::Body, is_required: true, shape: &FarmId },
    Member { name: "queueId", place: Place::Body, is_required: true, shape: &QueueId },
    Member { name: "jobId", place: Place::Body, is_required: true, shape: &JobId },
    Member { name: "sessionId", place: Place::Body, is_required: true, shape: &SessionId },
]);

static BatchGetSessionIdentifiers: Shape = Shape::List(Bounds(Some(1), Some(100)), &BatchGetSessionIdentifier);

pub(crate) static BatchGetSession: &[Member] = &[
    Member { name: "identifiers", place: Place::Body, is_required: true, shape: &BatchGetSessionIdentifiers },
];

pub(crate) static ListWorkers: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "fleetId", place: Place::Label, is_required: true, shape: &FleetId },
    Member { name: "nextToken", place: Place::Query, is_required: false, shape: &NextToken },
    Member { name: "maxResults", place: Place::Query, is_required: false, shape: &MaxResults },
];

pub(crate) static GetWorker: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "fleetId", place: Place::Label, is_required: true, shape: &FleetId },
    Member { name: "workerId", place: Place::Label, is_required: true, shape: &WorkerId },
];

static SearchWorkersRequestItemOffsetInteger: Shape = Shape::Integer(Bounds(Some(0), Some(10_000)));

static SearchWorkersRequestPageSizeInteger: Shape = Shape::Integer(Bounds(Some(1), Some(100)));

static SearchWorkersRequestFleetIdsList: Shape = Shape::List(Bounds(Some(1), Some(10)), &FleetId);

pub(crate) static SearchWorkers: &[Member] = &[
    Member { name: "farmId", place: Place::Label, is_required: true, shape: &FarmId },
    Member { name: "filterExpressions", place: Place::Body, is_required: false, shape: &SearchGroupedFilterExpressions },
    Member { name: "sortExpressions", place: Place::Body, is_required: false, shape: &SearchSortExpressions },
    Member { name: "itemOffset", place: Place::Body, is_required: true, shape: &SearchWorkersRequestItemOffsetInteger },
    Member { name: "pageSize", place: Place::Body, is_required: false, shape: &SearchWorkersRequestPageSizeInteger },
    Member { name: "fleetIds", place: Place::Body, is_required: true, shape: &SearchWorkersRequestFleetIdsList },
];

static BatchGetWorkerIdentifier: Shape = Shape::Structure(&[
    Member { name: "farmId", place: Place::Body, is_required: true, shape: &FarmId },
    Member { name: "fleetId", place: Place::Body, is_required: true, shape: &FleetId },
    Member { name: "workerId", place: Place::Body, is_required: true, shape: &WorkerId },
]);

static BatchGetWorkerIdentifiers: Shape = Shape::List(Bounds(Some(1), Some(100)), &BatchGetWorkerIdentifier);

pub(crate) static BatchGetWorker: &[Member] = &[
    Member { name: "identifiers", place: Place::Body, is_required: true, shape: &BatchGetWorkerIdentifiers },
];

pub(crate) static ListTagsForResource: &[Member] = &[
    Member { name: "resourceArn", place: Place::Label, is_required: true, shape: &String },
];

pub(crate) static TagResource: &[Member] = &[
    Member { name: "resourceArn", place: Place::Label, is_required: true, shape: &String },
    Member { name: "tags", place: Place::Body, is_required: false, shape: &Tags },
];

static StringList: Shape = Shape::List(Bounds(None, None), &String);

pub(crate) static UntagResource: &[Member] = &[
    Member { name: "resourceArn", place: Place::Label, is_required: true, shape: &String },
    Member { name: "tagKeys", place: Place::Query, is_required: true, shape: &StringList },
];
