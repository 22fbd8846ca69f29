import CoordinatorCore

/// The kinds of environments that this coordinator can release to.
enum Targets {
    static let all: [EnvironmentKind: any ReleaseTarget] = [:]
}
