import BuildProtocol
import CoordinatorCore
import OpenStackKit
import ProcessKit
import Support
import TestSupport
import Testing

/// Releases of one guest OS to one OpenStack, as the service would order them.
struct ReleaseOrders {
    let folder: TemporaryFolder
    let guestOS: GuestOS
    var settings: OpenStackSettings
    /// A client of the releasing user, in addition to the tested one.
    let glance: GlanceClient
    private let secret: Secret

    var name: String { guestOS.name + "x86_64" }

    init(
        _ stack: OpenStack, region: String = "RegionOne",
        _ change: (inout OpenStackSettings) -> Void = { _ in }
    ) throws {
        var settings = OpenStackSettings(
            authURL: stack.keystoneURL, project: "release", username: "releaser", region: region,
            visibility: .shared, keep: 1)
        change(&settings)
        var login = CloudLogin(
            authURL: stack.keystoneURL, username: "releaser", password: "releaser-secret",
            project: "release")
        login.region = region
        try self.init(settings, Secret("releaser-secret"), login)
    }

    /// Releases to a fake cloud.
    init(_ cloud: FakeCloud, _ change: (inout OpenStackSettings) -> Void = { _ in }) throws {
        var settings = OpenStackSettings(
            authURL: cloud.url + "/identity", project: FakeCloud.project,
            username: FakeCloud.user, keep: 1)
        change(&settings)
        try self.init(
            settings, Secret(FakeCloud.password),
            CloudLogin(
                authURL: settings.authURL, username: FakeCloud.user, password: FakeCloud.password,
                project: FakeCloud.project))
    }

    private init(_ settings: OpenStackSettings, _ secret: Secret, _ login: CloudLogin) throws {
        folder = try TemporaryFolder()
        guestOS = GuestOS(
            id: "g", name: "os\(UInt32.random(in: .min ... .max))", type: .linux,
            distro: "debian", version: "12", baseISO: "", template: .folder(path: "/t"),
            owner: "team", createdMilliseconds: 0)
        self.settings = settings
        self.secret = secret
        glance = GlanceClient(CloudSession(login))
    }

    var environment: ReleaseEnvironment {
        ReleaseEnvironment(
            id: "e", name: "cloud", settings: .openstack(settings), createdMilliseconds: 0)
    }

    /// The release of a new build, whose image is made here.
    func order(
        number: Int, properties: [String: String] = [:], virtualSize: String = "5M"
    ) async throws -> ReleaseOrder {
        let path = "\(folder.path)/\(number).qcow2"
        let script =
            "head -c 3000000 /dev/urandom >'\(path).raw'; "
            + "truncate -s \(virtualSize) '\(path).raw'; "
            + "qemu-img convert -f raw -O qcow2 '\(path).raw' '\(path)'"
        let output = try await Command(
            ["sh", "-ec", script], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(output.status.isSuccess, "\(output.stderrText)")
        let plan = BuildPlan(
            template: TemplateArchive(sha256: "", sizeBytes: 0), commit: "0123abcd",
            recipe: BuildRecipe(builder: .command(["true"])), requirements: Requirements(),
            limits: AttemptLimits(totalSeconds: 60))
        let build = Build(
            id: "build-\(guestOS.name)-\(number)", guestOSID: "g", guestOS: guestOS.name,
            number: number, state: .passed, priority: 0, owner: "team", plan: plan,
            updateContents: "security updates", submittedMilliseconds: 1_795_000_000_000,
            endedMilliseconds: 1_795_000_060_000)
        let image = PublishedImage(
            name: "\(number).qcow2", path: "images/build/x", url: "http://farm/\(number).qcow2",
            sizeBytes: try #require(Files.sizeBytes(path)), sha256: try SHA256.file(path),
            format: .qcow2, virtualSizeBytes: nil)
        return order(build, image, path, properties)
    }

    private func order(
        _ build: Build, _ image: PublishedImage, _ path: String, _ properties: [String: String]
    ) -> ReleaseOrder {
        ReleaseOrder(
            release: "release-\(guestOS.name)-\(build.number)", build: build, guestOS: guestOS,
            image: image, imagePath: path,
            environment: environment, secret: secret, plan: ReleasePlan(properties: properties),
            createdMilliseconds: 1_795_276_800_000)
    }

    /// The rollback of a release, as the service orders it.
    func rollBack(_ undone: ReleaseOrder, journal: [String: String]) -> ReleaseOrder {
        var order = undone
        order.release = "back-\(undone.release)"
        order.imagePath = ""
        order.journal = journal
        return order
    }

    /// All images of the guest OS, whatever their names are.
    func images() async throws -> [GlanceImage] {
        var found: [GlanceImage] = []
        for hidden in ["false", "true"] {
            found += try await glance.images([("aibuild_name", name), ("os_hidden", hidden)])
        }
        return found
    }

    /// Names of the guest OS's images, sorted.
    func names() async throws -> [String] { try await images().map(\.name).sorted() }
}
