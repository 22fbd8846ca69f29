public import BuildProtocol
public import TextKit

/// The environments of an attempt's programs. Nothing is inherited from the agent.
public enum BuildEnvironment {
    /// Files of the template keep their modes, and what a build makes gets those that it would
    /// have on its author's machine: both end up in images. Nobody else may enter an attempt's
    /// folder.
    public static let umask: UInt32 = 0o022

    /// Common to all programs of an attempt.
    public static func common(_ order: AttemptOrder, _ folder: AttemptFolder) -> [String: String] {
        common(order, ProgramFolders(order, folder))
    }

    /// For the agent's own programs, which see the host as it is.
    ///
    /// - Parameter closed: the addresses that they must not reach through a proxy either.
    public static func own(
        _ order: AttemptOrder, _ folder: AttemptFolder, closed: [IPv4Network]
    ) -> [String: String] {
        common(order, ProgramFolders(folder)).merging(
            order.proxy?.fetchEnvironment(closed: closed) ?? [:]
        ) { _, own in own }
    }

    private static func common(
        _ order: AttemptOrder, _ folders: ProgramFolders
    ) -> [String: String] {
        [
            "PATH": order.searchPath,
            "LANG": "C.UTF-8",
            "HOME": folders.home,
            "TMPDIR": folders.temporary,
            ProcessMark.attempt: order.start.attempt.text,
            ProcessMark.stateFolder: order.stateFolder,
        ].merging(order.proxy?.environment ?? [:]) { own, _ in own }
    }

    /// For programs that may start QEMU: the shim comes first in `PATH`.
    private static func qemu(
        _ order: AttemptOrder, _ folder: AttemptFolder
    ) -> [String: String] {
        [
            "PATH": "\(folder.shim):\(order.searchPath)",
            QEMUShim.folderVariable: folder.guests,
        ]
    }

    public static func packer(_ order: AttemptOrder, _ folder: AttemptFolder) -> [String: String] {
        var own = packerSettings(order, folder)
        // To standard error, from which the supervisor extracts QEMU's output.
        own["PACKER_LOG"] = "1"
        return common(order, folder).merging(qemu(order, folder)) { _, own in own }
            .merging(own) { _, own in own }
    }

    private static func packerSettings(
        _ order: AttemptOrder, _ folder: AttemptFolder
    ) -> [String: String] {
        let folders = ProgramFolders(order, folder)
        return [
            "PACKER_CACHE_DIR": folders.temporary + "/packer_cache",
            // An empty file: no plugins or settings of the user who installed Packer.
            "PACKER_CONFIG": folders.home + "/packerconfig",
            "PACKER_CONFIG_DIR": StateFolder(order.stateFolder).packerConfiguration,
            "PACKER_PLUGIN_PATH": order.packerPlugins
                ?? StateFolder(order.stateFolder).packerPlugins,
            "CHECKPOINT_DISABLE": "1",
            "PACKER_NO_COLOR": "1",
        ]
    }

    /// - Throws: a template fault for a variable that cannot be an environment variable.
    public static func command(
        _ order: AttemptOrder, _ folder: AttemptFolder, baseImagePath: String?
    ) throws(Fault) -> [String: String] {
        var own = qemu(order, folder)
        own.merge([
            "AIBUILD_OUTPUT": ProgramFolders(order, folder).output,
            "AIBUILD_IMAGE_NAME": order.start.build.imageName,
            "AIBUILD_BUILD_NUMBER": String(order.start.build.number),
            "AIBUILD_VCPUS": String(order.start.requirements.vcpus),
            "AIBUILD_MEMORY_MB": String(order.start.requirements.memoryBytes >> 20),
        ]) { _, new in new }
        own["AIBUILD_ACCELERATOR"] = order.accelerator?.rawValue
        own["AIBUILD_BASE_IMAGE"] = baseImagePath
        if let jenkins = order.start.recipe.jenkins {
            own.merge(self.jenkins(jenkins, order, folder, baseImagePath)) { _, new in new }
        }
        let values = (order.start.recipe.values ?? [:])
            .mapValues { String(decoding: $0.bytes, as: UTF8.self) }
        for (name, value) in order.start.recipe.variables.merging(values, uniquingKeysWith: { $1 })
        {
            guard !name.isEmpty, !name.contains("="), !name.utf8.contains(0),
                !value.utf8.contains(0)
            else {
                throw Fault(
                    .template, .templateInvalid,
                    "the variable \(Names.quoted(name)) of aibuild.yml cannot be an environment "
                        + "variable: remove NUL bytes, and '=' from its name")
            }
            own["AIBUILD_VAR_\(name)"] = value
        }
        return common(order, folder).merging(own) { _, own in own }
    }

    /// As the original AIBuild's jobs had it, and what Packer needs, which such scripts run.
    private static func jenkins(
        _ jenkins: JenkinsEnvironment, _ order: AttemptOrder, _ folder: AttemptFolder,
        _ baseImagePath: String?
    ) -> [String: String] {
        let build = order.start.build
        var own = packerSettings(order, folder)
        own.merge([
            "WORKSPACE": ProgramFolders(order, folder).work,
            "BUILD_NUMBER": String(build.number), "BUILD_ID": String(build.number),
            "JOB_NAME": "image_build_\(build.guestOS)", "GIT_COMMIT": jenkins.commit,
            "BUILD_TAG": "jenkins-image_build_\(build.guestOS)-\(build.number)",
        ]) { _, new in new }
        own["ISOS_URL"] = baseImagePath ?? jenkins.isosURL
        own["WEB_SERVER"] = jenkins.webServer
        return own
    }

    /// For the process that runs one test case.
    public static func test(_ order: AttemptOrder, _ folder: AttemptFolder) -> [String: String] {
        common(order, folder).merging(qemu(order, folder)) { _, own in own }
    }
}
