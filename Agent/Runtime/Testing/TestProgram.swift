import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// `aibuild-agent test FOLDER N IMAGE`: one test case of an attempt, from booting the image to the
/// verdict. Its output goes to the attempt's log; its supervisor kills what it leaves running.
enum TestProgram {
    static func run(_ root: String, case number: String, image: String) -> Int32 {
        do {
            guard let token = AttemptToken(Files.name(of: root)), let index = Int(number) else {
                throw Failure("expected an attempt folder and a case number: \(root) \(number)")
            }
            let folder = AttemptFolder(root: root, token: token)
            let order = try StateFile.read(
                AttemptOrder.self, folder.start, limitBytes: AgentLimits.stateFileBytes)
            guard case .test(let plan) = order.start.recipe.builder,
                plan.cases.indices.contains(index)
            else { throw Failure("\(folder.start) has no test case \(index)") }
            umask(BuildEnvironment.umask)
            let test = TestCaseRun(
                order: order, folder: folder, plan: plan, test: plan.cases[index],
                image: image)
            let verdict = test.run()
            try Files.replace(
                TestFiles(folder: folder).verdict(index), with: StateFile.encode(verdict),
                mode: 0o600)
            return 0
        } catch {
            AgentProgram.printError("aibuild-agent test: \(error)")
            return EX_SOFTWARE
        }
    }
}
