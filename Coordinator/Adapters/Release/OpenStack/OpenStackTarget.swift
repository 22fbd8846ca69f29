public import CoordinatorCore
import DiskImageKit
import HTTPClientKit
import OpenStackKit

/// Releases to an OpenStack region. Once there has been a good image, its name in Glance refers to
/// a good one at every moment.
public struct OpenStackTarget: ReleaseTarget {
    private let limits: OpenStackLimits
    private let hook: ReleaseHook

    /// - Parameter hooksFolder: the folder of the programs that environments may name.
    public init(hooksFolder: String? = nil) { self.init(limits: OpenStackLimits(), hooksFolder) }

    init(limits: OpenStackLimits, _ hooksFolder: String? = nil) {
        self.limits = limits
        hook = ReleaseHook(folder: hooksFolder)
    }

    public func check(
        _ environment: ReleaseEnvironment, _ secret: Secret?
    ) async throws -> [EnvironmentFinding] {
        try await Self.asFault {
            let (settings, glance) = try client(environment, secret, limits.forCheck)
            try hook.check(settings.hook)
            return try await OpenStackCheck(settings: settings, glance: glance).run()
        }
    }

    public func release(
        _ order: ReleaseOrder, _ steps: any ReleaseSteps
    ) async throws -> ReleaseResult {
        try await Self.asFault {
            let (settings, glance) = try client(order.environment, order.secret)
            return try await OpenStackRelease(
                order: order, settings: settings, glance: glance, steps: steps, hook: hook
            ).run()
        }
    }

    public func rollBack(
        _ order: ReleaseOrder, _ steps: any ReleaseSteps
    ) async throws -> ReleaseResult {
        try await Self.asFault {
            let (settings, glance) = try client(order.environment, order.secret)
            return try await OpenStackRollback(
                order: order, settings: settings, glance: glance, steps: steps
            ).rollBack()
        }
    }

    public func abandon(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws {
        try await Self.asFault {
            let (settings, glance) = try client(order.environment, order.secret)
            try await OpenStackRollback(
                order: order, settings: settings, glance: glance, steps: steps
            ).abandon()
        }
    }

    public func leftBehind(by release: Release) -> [String] {
        OpenStackRollback.leftBehind(by: release)
    }

    private func client(
        _ environment: ReleaseEnvironment, _ secret: Secret?, _ own: OpenStackLimits? = nil
    ) throws -> (OpenStackSettings, GlanceClient) {
        guard case .openstack(let settings) = environment.settings else {
            throw ReleaseFault(
                .rejected,
                "environment \(environment.name) is of kind \(environment.kind.rawValue), not "
                    + "openstack")
        }
        guard let secret else {
            throw ReleaseFault(
                .rejected,
                "environment \(environment.name) has no password, secret or token: set it with "
                    + "'aibuild env change \(environment.name) --password-file FILE'")
        }
        let login = CloudLogin(settings, secret)
        let http = HTTPClient(tls: TLSFiles(authorities: settings.caFile))
        return (settings, GlanceClient(CloudSession(login, http: http, limits: own ?? limits)))
    }

    private static func asFault<Value: Sendable>(
        _ work: () async throws -> Value
    ) async throws -> Value {
        do { return try await work() } catch let error as CloudError {
            if error.code == .cancelled { throw CancellationError() }
            // Of an upload that stopped because its image cannot be read.
            if let cause = error.underlying(DiskImageError.self) {
                throw ReleaseFault(because: cause)
            }
            throw ReleaseFault(because: error)
        } catch let error as DiskImageError {
            throw ReleaseFault(because: error)
        }
    }
}
