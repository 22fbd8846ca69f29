import BuildProtocol
public import CoordinatorCore

/// The files under `output/` of a template, rendered with the results of a build.
///
/// They are rendered on request, from the template archive, the build's row and those of its
/// releases, none of which changes any more. So no crash can lose one, and the files of a release
/// disappear when it is rolled back. Only `guestos.*` has its current value.
public struct BuildOutputs: Sendable {
    private let ports: Ports

    public init(ports: Ports) { self.ports = ports }

    /// - Throws: `TemplateFault`, `StoreError`
    public func outputs(of build: Build) async throws -> [RenderedOutput] {
        guard build.state == .passed,
            let guestOS = try await ports.store.guestOS(named: build.guestOS)
        else { return [] }
        let files = try await ports.templates.outputs(
            of: build.plan.template, for: guestOS.name)
        guard !files.isEmpty else { return [] }
        // The newest release of each environment.
        let releases = try await ports.store.releases(
            ReleaseFilter(build: build.id, states: [.released]), limit: 500)
        var seen: Set<String> = []
        let current = releases.filter { seen.insert($0.environment).inserted }
        let inCloud = try await ports.store.remoteImages(ofBuild: build.id).compactMap(\.image.id)
        var rendered: [RenderedOutput] = []
        for (name, template) in files {
            func render(_ release: Release?, cloudImageID: String? = nil) throws {
                let values = OutputValues.values(
                    build, guestOS, release, cloudImageID: cloudImageID)
                rendered.append(
                    RenderedOutput(
                        name: name, environment: release?.environment,
                        text: try template.render(values)))
            }
            if !OutputValues.needRelease(template.names) {
                try render(nil)
            } else if current.isEmpty, inCloud.count == 1,
                OutputValues.needCloudImage(template.names)
            {
                try render(nil, cloudImageID: inCloud[0])
            } else {
                for release in current { try render(release) }
            }
        }
        return rendered.sorted { $0.path < $1.path }
    }

    /// Finds an unknown name when the build is submitted, not hours later.
    /// - Throws: `TemplateFault`
    func check(_ plan: BuildPlan, of guestOS: String) async throws {
        let files = try await ports.templates.outputs(of: plan.template, for: guestOS)
        for (_, template) in files {
            _ = try template.render(OutputValues.samples(plan))
        }
    }
}
