//! aibuild-agent: the composition root of the agent. It only passes the command line to
//! AgentRuntime, because tests can import a module but not a program.

import AgentRuntime

AgentProgram.main(CommandLine.arguments)
