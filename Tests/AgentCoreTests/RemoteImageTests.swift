@testable import AgentCore
import BuildProtocol
import Testing

/// What Packer says of images that are elsewhere.
@Suite struct RemoteImageOutputTests {
    private func images(_ lines: String, of sources: [String] = []) -> [RemoteImage] {
        var output = PackerOutput()
        for line in lines.split(separator: "\n") { _ = output.output(Array(line.utf8)) }
        return output.remoteImages(of: sources)
    }

    /// Packer 1.6.6, of an image that it copied to a second region, and whose post-processor
    /// `manifest` names it again.
    private let amazon = #"""
        1796026175,,ui,say,Build 'amazon-ebs' finished after 280 milliseconds 205 microseconds.
        1796026175,amazon-ebs,artifact-count,2
        1796026175,amazon-ebs,artifact,0,builder-id,mitchellh.amazonebs
        1796026175,amazon-ebs,artifact,0,id,eu-west-1:ami-8bd3%!(PACKER_COMMA)us-east-1:ami-fa16
        1796026175,amazon-ebs,artifact,0,string,AMIs were created:\nus-east-1: ami-fa16\n
        1796026175,amazon-ebs,artifact,0,files-count,0
        1796026175,amazon-ebs,artifact,0,end
        1796026175,amazon-ebs,artifact,1,builder-id,mitchellh.amazonebs
        1796026175,amazon-ebs,artifact,1,id,eu-west-1:ami-8bd3%!(PACKER_COMMA)us-east-1:ami-fa16
        1796026175,amazon-ebs,artifact,1,string,AMIs were created:\nus-east-1: ami-fa16\n
        1796026175,amazon-ebs,artifact,1,files-count,0
        1796026175,amazon-ebs,artifact,1,end
        """#

    private let copied = RemoteImage(
        builder: "amazon-ebs", type: "mitchellh.amazonebs",
        id: "eu-west-1:ami-8bd3,us-east-1:ami-fa16")

    @Test("An artifact without files is an image that is elsewhere, each once")
    func artifacts() {
        #expect(images(amazon, of: ["amazon-ebs"]) == [copied])
    }

    @Test("Files, and what the null builder says, are nothing that is elsewhere")
    func local() {
        let lines = """
            1,qemu,artifact,0,builder-id,transcend.qemu
            1,qemu,artifact,0,id,VM
            1,qemu,artifact,0,files-count,1
            1,qemu,artifact,0,file,0,out/x.qcow2
            1,qemu,artifact,0,end
            1,null.two,artifact,0,builder-id,fnoeding.null
            1,null.two,artifact,0,id,Null
            1,null.two,artifact,0,files-count,0
            1,null.two,artifact,0,end
            1,odd,artifact,0,nil
            1,odd,artifact,0,end
            """
        #expect(images(lines, of: ["amazon-ebs.one"]) == [])
    }

    @Test("An interrupted Packer leaves what its finished sources have made, without an id")
    func interrupted() {
        let lines = """
            1,,ui,say,Build 'amazon-ebs.one' finished after 3 seconds.
            1,,ui,say,Build 'qemu.disk' finished after 4 seconds.
            1,,ui,error,Cancelling build after receiving interrupt
            1,,ui,say,Build 'googlecompute.two' finished after 5 seconds.
            1,,ui,say,Cleanly cancelled builds after being interrupted.
            """
        let left = images(lines, of: ["image.all.amazon-ebs.one", "googlecompute.two"])
        #expect(left == [RemoteImage(builder: "amazon-ebs.one", type: "", id: nil)])
    }

    @Test("However much Packer says, what is kept is bounded")
    func bounded() {
        let lines = (0..<500).map { number in
            """
            1,x,artifact,0,builder-id,t
            1,x,artifact,0,id,\(number)\(String(repeating: "y", count: 5000))
            1,x,artifact,0,end
            """
        }.joined(separator: "\n")
        let kept = images(lines)
        #expect(kept.count == ProtocolLimits.remoteImages)
        #expect(kept.allSatisfy { $0.id?.utf8.count == ProtocolLimits.remoteIDBytes })
    }
}

@Suite struct CleanupTests {
    @Test("A build with something to remove elsewhere gets time for it, and no more")
    func grace() {
        var escalation = StopEscalation(nowMilliseconds: 0, isUrgent: false, cleanupSeconds: 240)
        #expect(escalation.step(nowMilliseconds: 0) == .interrupt)
        #expect(escalation.step(nowMilliseconds: 239_999) == nil)
        #expect(escalation.step(nowMilliseconds: 240_000) == .terminate)
        #expect(escalation.step(nowMilliseconds: 242_000) == .kill)
    }

    /// Otherwise the daemon would kill the supervisor while Packer removes a machine.
    @Test("A supervisor is overdue only after the clean-up")
    func overdue() {
        let cloud = AttemptLimits(totalSeconds: 60, cleanupSeconds: 240)
        let local = AttemptLimits(totalSeconds: 60)
        for overdue in [SupervisorOverdue.cancelled, .outOfTime] {
            #expect(overdue.milliseconds(cloud) == overdue.milliseconds(local) + 240_000)
        }
    }
}
