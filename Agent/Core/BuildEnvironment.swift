public import BuildProtocol

/// The environments of an attempt's programs. Nothing is inherited from the agent.
public enum BuildEnvironment {
    /// Common to all programs of an attempt.
    public static func common(_ order: AttemptOrder, _ folder: AttemptFolder) -> [String: String] {
        [
            "PATH": order.searchPath,
            "LANG": "C.UTF-8",
            "HOME": folder.home,
            "TMPDIR": folder.temporary,
            ProcessMark.attempt: order.start.attempt.text,
            ProcessMark.stateFolder: order.stateFolder,
        ]
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
        let own = [
            "PACKER_CACHE_DIR": folder.temporary + "/packer_cache",
            // An empty file: no plugins or settings of the user who installed Packer.
            "PACKER_CONFIG": folder.home + "/packerconfig",
            "PACKER_CONFIG_DIR": StateFolder(order.stateFolder).packerConfiguration,
            "CHECKPOINT_DISABLE": "1",
            "PACKER_NO_COLOR": "1",
            // To standard error, from which the supervisor extracts QEMU's output.
            "PACKER_LOG": "1",
        ]
        return common(order, folder).merging(qemu(order, folder)) { _, own in own }
            .merging(own) { _, own in own }
    }

    /// - Throws: a template fault for a variable that cannot be an environment variable.
    public static func command(
        _ order: AttemptOrder, _ folder: AttemptFolder, baseImagePath: String?
    ) throws(Fault) -> [String: String] {
        var own = qemu(order, folder)
        own.merge([
            "AIBUILD_OUTPUT": folder.output,
            "AIBUILD_IMAGE_NAME": order.start.build.imageName,
            "AIBUILD_BUILD_NUMBER": String(order.start.build.number),
            "AIBUILD_VCPUS": String(order.start.requirements.vcpus),
            "AIBUILD_MEMORY_MB": String(order.start.requirements.memoryBytes >> 20),
        ]) { _, new in new }
        own["AIBUILD_ACCELERATOR"] = order.accelerator?.rawValue
        own["AIBUILD_BASE_IMAGE"] = baseImagePath
        for (name, value) in order.start.recipe.variables {
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

    /// For the process that runs one test case.
    public static func test(_ order: AttemptOrder, _ folder: AttemptFolder) -> [String: String] {
        common(order, folder).merging(qemu(order, folder)) { _, own in own }
    }
}
