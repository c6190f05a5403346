//go:build !release

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rekey/bot/signed"
	"rekey/internal/sandbox"
)

// terminal is where people of a sandbox use the command line: their keys, the file
// of allowed signers, and the place where the bot listens.
type terminal struct {
	dir  string
	keys map[string]sandbox.SSHKey // by whose they are
	said transcript                // all that the program printed there
}

// keyholder is somebody whose signature counts, as in the configuration.
type keyholder struct {
	Name, User string
	Approver   bool
}

// keyholders may do by signature what they may do in Slack.
func keyholders() []keyholder {
	return []keyholder{{"ann", sandbox.Requester, false}, {"ben", sandbox.Approver, true}, {"cleo", sandbox.Second, true}}
}

// lineAt is where the bot of a sandbox listens.
func lineAt(dir string) string { return "unix:" + filepath.Join(dir, "line") }

func signersIn(dir string) string { return filepath.Join(dir, "allowed_signers") }

// longestSocket is what every system takes as a socket's path.
const longestSocket = 100

// lineConfig is what the template says of the command line, nil for nothing.
func lineConfig(dir string, o sandboxOptions) map[string]any {
	if !o.line {
		return nil
	}
	return map[string]any{"At": lineAt(dir), "Signers": signersIn(dir), "Workspace": sandboxWorkspace, "People": keyholders()}
}

// configure writes the sandbox's configuration, with the keys of its people where
// they may sign. Where the folder's name is too long for a socket nobody can.
func (b *box) configure(o *sandboxOptions) (path string, err error) {
	o.line = o.line && len(filepath.Join(b.dir, "line")) <= longestSocket
	if o.line {
		if b.line, err = newTerminal(b.dir); err != nil {
			return "", err
		}
	}
	return writeConfig(b.dir, b.world, *o)
}

// newTerminal makes a key for everybody who may sign, and allows it.
func newTerminal(dir string) (*terminal, error) {
	l := &terminal{dir: dir, keys: make(map[string]sandbox.SSHKey)}
	var names []string
	for _, k := range keyholders() {
		if err := l.makes(k.Name); err != nil {
			return nil, err
		}
		names = append(names, k.Name)
	}
	return l, l.allow(names...)
}

// makes gives somebody a key, which counts for nothing yet.
func (l *terminal) makes(name string) error {
	key, err := sandbox.NewSSHKey(filepath.Join(l.dir, "ssh-"+name))
	if err == nil {
		l.keys[name] = key
	}
	return err
}

// allow writes the file of allowed signers.
func (l *terminal) allow(names ...string) error {
	var lines strings.Builder
	for _, name := range names {
		fmt.Fprintf(&lines, "%s namespaces=%q %s\n", name, signed.Namespace(sandboxInstallation), l.keys[name].Public)
	}
	if err := os.WriteFile(signersIn(l.dir), []byte(lines.String()), 0o600); err != nil {
		return fmt.Errorf("writing the allowed signers: %w", err)
	}
	return nil
}

func (l *terminal) at() string { return lineAt(l.dir) }

// lastBreath is how long the program may take to end when it is stopped.
const lastBreath = 5 * time.Second

// runs is the program, once more and as a process of its own, with somebody's key.
// They say yes to what they are shown.
func (l *terminal) runs(ctx context.Context, who string, words ...string) (code int, said string, err error) {
	path, err := os.Executable()
	if err != nil {
		return 0, "", fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, path, words...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), childMark,
		"REKEY_TO=" + l.at(), "REKEY_INSTALLATION=" + sandboxInstallation, "REKEY_SSH_KEY=" + l.keys[who].File,
	}
	var out bytes.Buffer
	both := io.MultiWriter(&out, &l.said)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = strings.NewReader("yes\n"), both, both, lastBreath
	err = cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ctx.Err() == nil {
		return ended.ExitCode(), out.String(), nil
	}
	if err != nil {
		return 0, out.String(), fmt.Errorf("running rekey %s: %w", words[0], err)
	}
	return exitDone, out.String(), nil
}

// manual says how to use the command line in this sandbox, "" where nobody can.
func (l *terminal) manual() string {
	if l == nil {
		return ""
	}
	rekey := invoked()
	return fmt.Sprintf(`Slack can go down on the page (Break something: Slack, is down). Then, from another terminal, with the keys of %s:
  export REKEY_TO=%s REKEY_INSTALLATION=%s
  %s emergency FAL_KEY it is on github --key %s
  %s status FAL_KEY --key %s
  %s approve FAL_KEY --key %s
`, strings.Join(slices.Sorted(maps.Keys(l.keys)), ", "), l.at(), sandboxInstallation,
		rekey, l.keys["ann"].File, rekey, l.keys["ben"].File, rekey, l.keys["ben"].File)
}

// invoked is how people start this program.
func invoked() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./bot"
	}
	return os.Args[0]
}
