//! aibuild-agent: the composition root of a host's side. It only hands the command line to
//! AgentRuntime, which tests can import and this program they cannot.

import AgentRuntime

AgentProgram.main(CommandLine.arguments)
