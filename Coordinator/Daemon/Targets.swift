import CoordinatorAdapters
import CoordinatorCore

/// The kinds of environments that this coordinator can release to.
enum Targets {
    static func all(_ configuration: Configuration) -> [EnvironmentKind: any ReleaseTarget] {
        [
            .openstack: OpenStackTarget(hooksFolder: configuration.hooksFolder),
            .docker: DockerTarget(), .registry: RegistryTarget(),
        ]
    }
}
