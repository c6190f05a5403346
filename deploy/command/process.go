package command

import (
	"cmp"
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"rekey/internal/secret"
)

// ending is how a program ended and what it printed.
type ending struct {
	code  int    // -1 when a signal ended it
	cut   bool   // we ended it, or did not see how it ended
	first string // of what it printed
	last  string // of its complaints, or else of what it printed
}

// said are the program's last words: its last line, unless that began before
// what was kept. A value of which the beginning is gone is not recognised.
func (e ending) said() secret.Quote {
	text := strings.TrimRight(e.last, " \t\r\n")
	at := strings.LastIndexByte(text, '\n')
	if at < 0 && len(e.last) >= kept {
		return secret.Quote{}
	}
	return secret.Quoted(text[at+1:])
}

// start runs a program to its end. An error means that it was never started.
func (d *Deployer) start(ctx context.Context, argv []string, limit time.Duration, variables []string) (ending, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, complaints output
	program := exec.CommandContext(ctx, argv[0], argv[1:]...)
	program.Dir, program.Env = d.config.Folder, append(d.passed(), variables...)
	program.Stdout, program.Stderr = &out, &complaints
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	program.WaitDelay = d.config.Grace
	program.Cancel = func() error { return syscall.Kill(-program.Process.Pid, syscall.SIGTERM) }
	if err := program.Start(); err != nil {
		return ending{}, err
	}
	err := program.Wait()
	cut := ctx.Err() != nil && err != nil
	if cut {
		// What is left of the group goes the same way. No signal but to a
		// group that does not exist can fail, and that is what is wanted.
		_ = syscall.Kill(-program.Process.Pid, syscall.SIGKILL)
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well; what it left running holds its output
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		cut = true
	}
	return ending{code: program.ProcessState.ExitCode(), cut: cut, first: string(out.head), last: cmp.Or(string(complaints.tail), string(out.tail))}, nil
}

// passed are the variables that the configuration hands on.
func (d *Deployer) passed() []string {
	env := []string{} // not nil, which would mean this process's own
	for _, name := range d.config.Pass {
		if d.config.Lookup == nil {
			break
		}
		if value, set := d.config.Lookup(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// kept bounds each end of what is kept of a program's output.
const kept = 4 << 10

// output keeps the beginning and the end of what is written.
type output struct{ head, tail []byte }

func (o *output) Write(p []byte) (int, error) {
	if room := kept - len(o.head); room > 0 {
		o.head = append(o.head, p[:min(room, len(p))]...)
	}
	o.tail = append(o.tail, p[max(0, len(p)-kept):]...)
	o.tail = o.tail[max(0, len(o.tail)-kept):]
	return len(p), nil
}
