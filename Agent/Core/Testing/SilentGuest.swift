public import BuildProtocol

/// Why a guest under test did not come up, and what its image may lack.
public enum SilentGuest {
    /// - Parameters:
    ///   - hasAnswered: whether its port ever sent a byte.
    ///   - hasConsole: whether it printed anything on its serial console.
    ///   - output: what SSH printed last.
    public static func reason(
        _ plan: TestPlan, seconds: Int, hasAnswered: Bool, hasConsole: Bool, output: String
    ) -> String {
        var text = "the guest did not come up within \(seconds) s: "
        if let login = plan.login {
            text += "\(login.user) cannot log in by SSH"
            if !hasAnswered {
                text += ", because nothing answers on its port \(plan.port)"
            } else if !output.isEmpty {
                text += " (\(output))"
            }
        } else {
            text += "nothing answers on its port \(plan.port)"
        }
        var advice: [String] = []
        if !hasAnswered {
            advice.append(
                "If it booted, check its network: the test gives it an address by DHCP, so its "
                    + "first interface needs DHCP, and its firewall must let the port in")
        } else if plan.login?.method == .cloudInit {
            advice.append(
                "The key is given to cloud-init by a NoCloud seed: check that the image runs "
                    + "cloud-init, and that its data sources include NoCloud")
        }
        if !hasConsole {
            advice.append(
                "It printed nothing on its serial console: to see its messages there, boot its "
                    + "kernel with console=ttyS0")
        }
        return ([text] + advice).joined(separator: ". ")
    }
}
