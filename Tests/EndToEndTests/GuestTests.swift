import BuildProtocol
import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// A hung guest, from the host's QEMU to the browser.
@Suite struct GuestTests {
    @Test("A hung guest is shown with screen and console, also after a restart")
    func hungGuestIsShown() async throws {
        try await withFarm { farm in
            let sector = BootSectors.hanging(saying: "kernel <panic>\r\n")
            try await farm.script(
                "debian",
                """
                \(BootSectors.disk(sector, at: "disk.raw"))
                exec qemu-system-x86_64 -accel tcg -m 16 -display none \\
                    -drive file=disk.raw,format=raw
                """, yaml: "limits: {silence: 8s}")
            let failed = try await farm.api.end(
                of: try await farm.api.submit("debian"), seconds: 120)
            try #require(failed.state == "failed")
            #expect(failed.fault?.code == "guest.hung", "\(failed)")
            #expect(failed.attempts?.map(\.summary) == ["kvm0 guest.hung"], "no retry")
            let guest = try #require(failed.attempts?.first?.guest)
            #expect(guest.serialTail == "kernel <panic>\r\n")
            #expect(guest.summary.hasPrefix("QEMU said running; in "))

            let screenshot = try #require(guest.screenshot)
            let answer = try await farm.api.get(screenshot)
            #expect(answer.status == 200)
            #expect(answer.headers["Content-Type"] == "image/png")
            #expect(PNG.problem(answer.body) == nil)
            // An independent program recognises it as a picture.
            try Files.replace(farm.folder + "/screen.png", with: answer.body)
            let kind = try await farm.shell("od -An -tx1 -N4 screen.png")
            #expect(kind.contains("89 50 4e 47"))

            let page = FarmClient.text(try await farm.api.get("/builds/\(failed.id)"))
            #expect(page.contains("<img src=\"\(screenshot)\""))
            #expect(page.contains("kernel &lt;panic&gt;"))
            try await eventually("nothing is left") {
                farm.buildProcesses().isEmpty && farm.hosts[0].attempts.isEmpty
            }
            // The coordinator keeps what the host has deleted, also after a restart.
            farm.coordinator?.kill()
            try await farm.startCoordinator(keepingPort: true)
            #expect(try await farm.api.get(screenshot).body == answer.body)
        }
    }
}
