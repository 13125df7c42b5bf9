"""What the facade asks Dagster, in GraphQL (schema of Dagster 1.13)."""

_RUN = """
fragment R on Run {
  runId status jobName rootRunId parentRunId creationTime startTime endTime updateTime tags { key value }
}
"""

RUNS = (
    """
query Runs($filter: RunsFilter, $cursor: String, $limit: Int) {
  runsOrError(filter: $filter, cursor: $cursor, limit: $limit) {
    __typename
    ... on Runs { results { ...R } }
    ... on PythonError { message }
    ... on InvalidPipelineRunsFilterError { message }
  }
}
"""
    + _RUN
)

LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
    ... on PipelineNotFoundError { message }
    ... on InvalidSubsetError { message }
    ... on UnauthorizedError { message }
    ... on ConflictingExecutionParamsError { message }
    ... on PresetNotFoundError { message }
    ... on NoModeProvidedError { message }
    ... on RunConflict { message }
  }
}
"""

TERMINATE = """
mutation Terminate($runId: String!) {
  terminateRun(runId: $runId) {
    __typename
    ... on TerminateRunFailure { message run { status } }
    ... on RunNotFoundError { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}
"""

ADD_PARTITION = """
mutation Add($repository: RepositorySelector!, $set: String!, $key: String!) {
  addDynamicPartition(repositorySelector: $repository, partitionsDefName: $set, partitionKey: $key) {
    __typename
    ... on UnauthorizedError { message }
    ... on PythonError { message }
    ... on DuplicateDynamicPartitionError { partitionName }
  }
}
"""

DELETE_PARTITIONS = """
mutation Delete($repository: RepositorySelector!, $set: String!, $keys: [String!]!) {
  deleteDynamicPartitions(repositorySelector: $repository, partitionsDefName: $set, partitionKeys: $keys) {
    __typename
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}
"""

REPOSITORIES = """
query Repositories {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection { nodes { name location { name } jobs { name } } }
    ... on PythonError { message }
  }
}
"""

FAILURE = """
query Failure($runId: ID!, $after: String) {
  logsForRun(runId: $runId, afterCursor: $after, limit: 1000) {
    __typename
    ... on EventConnection {
      cursor hasMore
      events {
        __typename
        ... on RunFailureEvent { message error { message } }
        ... on ExecutionStepFailureEvent { error { message errorChain { error { message } } } }
      }
    }
  }
}
"""

DAEMONS = """
query Daemons { instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }
"""
