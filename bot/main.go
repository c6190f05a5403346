package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"rekey/bot/config"
	"rekey/bot/signed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once. What comes with the first is
	// no second one: a supervisor tells the process and then its whole group.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	os.Exit(run(ctx, os.Args[1:], process{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv}))
}

// process is what a run of the program has around it, so that a test can run
// it inside itself.
type process struct {
	in       io.Reader
	out, err io.Writer
	env      config.Lookup
}

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `rekey rotates an application's secrets without downtime, asked from Slack.

` + sandboxHelp + `  rekey serve --config rekey.yaml    run the bot until a signal
  rekey check --config rekey.yaml    check the file and show what it means
  rekey doctor --config rekey.yaml   look at everything around it, change nothing; --json for programs
` + lineHelp + `  rekey version                      print the version
  rekey help                         print this

Exit codes: 0 done, 1 failed (doctor: something is wrong), 2 the command line or the configuration is wrong.
`

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, p process) int {
	if len(args) == 0 {
		return p.misused("a command is missing")
	}
	switch name, rest := args[0], args[1:]; name {
	case "sandbox":
		return runSandbox(ctx, rest, p)
	case "serve":
		return p.configured(rest, func(c *config.Config) error { return serve(ctx, p, c) })
	case "check":
		return p.configured(rest, func(c *config.Config) error { return check(p.out, c) })
	case "doctor":
		return runDoctor(ctx, rest, p)
	case "rotate", "emergency", "rollback", "cancel", "retry", "status", "approve", "deny", "vault-closed", "vault-not-leak", "override":
		return runLine(ctx, signed.Act(name), rest, p)
	case "import-journal":
		return runImport(ctx, rest, p)
	case "version":
		p.print(p.out, version()+"\n")
		return exitDone
	case "help", "-h", "--help":
		p.print(p.out, usage)
		return exitDone
	default:
		return p.misused("there is no command of that name")
	}
}

// misused explains a command line that cannot be followed. It does not repeat
// it: people paste secrets into command lines.
func (p process) misused(why string) int {
	p.print(p.err, "rekey: "+why+"\n\n"+usage)
	return exitUsage
}

// print writes to a stream whose failure nobody could be told of.
func (process) print(w io.Writer, text string) { _, _ = io.WriteString(w, text) }

// configured runs a command that takes --config and nothing else.
func (p process) configured(args []string, do func(*config.Config) error) int {
	return p.withFlags(flag.NewFlagSet("rekey", flag.ContinueOnError), "the only option is --config and a file", args, do)
}

// withFlags runs a command that takes --config and what else the flags have.
func (p process) withFlags(flags *flag.FlagSet, allowed string, args []string, do func(*config.Config) error) int {
	flags.SetOutput(io.Discard)
	path := flags.String("config", "", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		p.print(p.out, usage)
		return exitDone
	case err != nil || flags.NArg() > 0:
		return p.misused(allowed)
	case *path == "":
		return p.misused("--config and a file are missing")
	}
	return p.loaded(*path, do)
}

// loaded runs a command on a configuration.
func (p process) loaded(path string, do func(*config.Config) error) int {
	c, err := config.Load(path, p.env)
	if err != nil {
		p.print(p.err, err.Error()+"\n")
		var faults config.Faults
		if errors.As(err, &faults) {
			p.print(p.err, fmt.Sprintf("rekey: %s in the configuration; nothing was started\n", counted(len(faults), "fault")))
		}
		return exitUsage
	}
	return p.ended(do(c))
}

// ended tells why a command ended and returns the exit code.
func (p process) ended(err error) int {
	if err == nil {
		return exitDone
	}
	p.print(p.err, "rekey: "+err.Error()+"\n")
	var wrong *misconfigured
	if errors.As(err, &wrong) {
		return exitUsage
	}
	return exitFailed
}

// misconfigured is a configuration that an adapter refused: its form was
// right, its meaning was not.
type misconfigured struct{ err error }

func (m *misconfigured) Error() string { return "configuration: " + m.err.Error() }
func (m *misconfigured) Unwrap() error { return m.err }

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// version is the module's, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "rekey, built without version"
	}
	parts := []string{"rekey", info.Main.Version}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			parts = append(parts, s.Value)
		}
	}
	return strings.Join(append(parts, info.GoVersion), " ")
}
