import CoordinatorAdapters
import CoordinatorCore
import Glibc
import Support
import TestSupport
import Testing

@Suite struct SetupCheckTests {
    @Test("A missing key, socket and folder of hooks are reported with what to do")
    func missingFiles() throws {
        let folder = try TemporaryFolder()
        var check = SetupCheck()
        #expect(check.problems().isEmpty)
        check.sshKeyFile = folder.path + "/id"
        check.sshAgentSocket = folder.path + "/agent"
        check.hooksFolder = folder.path + "/hooks"
        // A file is no folder.
        try Files.replace(folder.path + "/hooks", with: [])
        #expect(
            check.problems().map(\.problem) == [
                "The coordinator cannot use its SSH key \(folder.path)/id: "
                    + "No such file or directory",
                "The coordinator cannot use its ssh-agent's socket \(folder.path)/agent: "
                    + "No such file or directory",
                "The coordinator cannot use its folder of hooks \(folder.path)/hooks/: "
                    + "Not a directory",
            ])
        #expect(
            check.problems()[0].remedy.contains("ssh-keygen -t ed25519 -N '' -f \(folder.path)/id"))

        try Files.replace(folder.path + "/id", with: [])
        try Files.replace(folder.path + "/agent", with: [])
        try Files.remove(folder.path + "/hooks")
        try Files.makeFolder(folder.path + "/real")
        #expect(symlink("real", folder.path + "/hooks") == 0)
        #expect(check.problems().isEmpty)
    }

    @Test("A file with a secret that everybody can read, or that is none, is reported")
    func openFiles() throws {
        let folder = try TemporaryFolder()
        var check = SetupCheck()
        for (name, mode) in [("own", 0o600), ("group", 0o640), ("all", 0o644)] {
            try Files.replace("\(folder.path)/\(name)", with: [], mode: Int32(mode))
            check.secretFiles.append("\(folder.path)/\(name)")
        }
        check.secretFiles += [folder.path + "/missing", folder.path, "/dev/null"]
        let problems = check.problems()
        #expect(problems.count == 4)
        #expect(problems.dropFirst().allSatisfy { !$0.remedy.contains("chmod") })
        #expect(problems.first?.remedy.hasPrefix("chmod o= \(folder.path)/all;") == true)
    }
}
