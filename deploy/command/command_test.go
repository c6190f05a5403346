package command_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy"
	"rekey/deploy/command"
	"rekey/deploy/deploytest"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// target is a platform of two scripts and a folder that keep their side of
// the contract.
type target struct {
	*testing.T
	dir string
}

// Both scripts write down all that they were told by.
const (
	runScript = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
[ -e gone ] && exit 1
{ echo "run $*"; env; } >> told
mkdir "id-$REKEY_REQUEST_ID" || exit 0
echo started >> starts
[ -e lose ] && rm lose && kill -KILL $$
exit 0
`
	statusScript = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
[ -e gone ] && exit 1
{ echo "status $*"; env; } >> told
[ -d "id-$REKEY_REQUEST_ID" ] || { echo none; exit 0; }
cat word
`
)

func open(t *testing.T) *target {
	t.Helper()
	g := &target{t, t.TempDir()}
	g.script("run", runScript)
	g.script("status", statusScript)
	g.write("word", "queued")
	return g
}

func (g *target) path(name string) string { return filepath.Join(g.dir, name) }

func (g *target) write(name, text string) {
	g.Helper()
	if err := os.WriteFile(g.path(name), []byte(text), 0o600); err != nil {
		g.Fatal(err)
	}
}

// script replaces a program of the target.
func (g *target) script(name, text string) {
	g.Helper()
	g.write(name, text)
	if err := os.Chmod(g.path(name), 0o700); err != nil {
		g.Fatal(err)
	}
}

func (g *target) read(name string) string {
	g.Helper()
	text, err := os.ReadFile(g.path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		g.Fatal(err)
	}
	return string(text)
}

func (g *target) deployer(spoil ...func(*command.Config)) *command.Deployer {
	g.Helper()
	c := command.Config{
		Environment: "production", Run: []string{g.path("run"), "now"}, Status: []string{g.path("status")},
		Lookup: environment.lookup, Timeout: time.Minute, StatusTimeout: time.Minute,
	}
	for _, s := range spoil {
		s(&c)
	}
	d, err := command.New(c)
	if err != nil {
		g.Fatal(err)
	}
	return d
}

type variables map[string]string

func (v variables) lookup(name string) (string, bool) { text, set := v[name]; return text, set }

// own is a secret in the environment of the program that deploys.
var own = secret.New("xoxb-Jf8Kq2Lz5Xc9Vb3Nm7Ty")

var environment = variables{"SLACK_BOT_TOKEN": own.Reveal(), "KUBECONFIG": "/srv/kube", "HOME": "/root"}

func request(id string) deploy.Request {
	return deploy.Request{ID: id, Environment: "production", Reason: "rotation of R2", Secrets: []string{"R2_ID", "R2_KEY"}, RequestedBy: "U0123", Attempt: 2}
}

func TestConformance(t *testing.T) {
	words := map[deploy.Phase]string{
		deploy.Queued: "queued", deploy.Running: "running", deploy.Live: "succeeded",
		deploy.Failed: "failed", deploy.Cancelled: "cancelled", deploy.Unknown: "resting",
	}
	t.Setenv("SLACK_BOT_TOKEN", own.Reveal()) // what a child must not inherit
	deploytest.Deployer(t, func(t *testing.T) deploytest.DeployerBed {
		g := open(t)
		return deploytest.DeployerBed{
			Deployer: g.deployer(), Restarted: func() deploy.Deployer { return g.deployer() }, Environment: "production",
			Secrets:    []secret.Value{own},
			Started:    func() int { return strings.Count(g.read("starts"), "started") },
			Become:     func(p deploy.Phase) { g.write("word", words[p]) },
			LoseAnswer: func() { g.write("lose", "") },
			Speak: func(words string) {
				g.write("word", "failed "+words)
				g.script("run", "#!/bin/sh\necho '"+words+"'; echo '"+words+"' >&2; exit 1\n")
			},
			Leave: func() { g.write("gone", "") },
			Sent:  func() string { return g.read("told") },
		}
	})
}

// TestToldByNames: a program is told what the contract lists and what the
// configuration passes on, and nothing else.
func TestToldByNames(t *testing.T) {
	t.Setenv("SLACK_BOT_TOKEN", own.Reveal())
	g := open(t)
	d := g.deployer(func(c *command.Config) { c.Pass = []string{"KUBECONFIG", "UNSET"} })
	h, err := d.Trigger(t.Context(), request("rot-1"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"KUBECONFIG=/srv/kube", "REKEY_ATTEMPT=2", "REKEY_ENVIRONMENT=production", "REKEY_REASON=rotation of R2",
		"REKEY_REQUESTED_BY=U0123", "REKEY_REQUEST_ID=rot-1", "REKEY_SECRETS=R2_ID R2_KEY",
	}
	_, ran, _ := strings.Cut(g.read("told"), "run now\n")
	if diff := cmp.Diff(want, theirs(ran)); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	g.write("told", "")
	if _, err := d.Status(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	want = []string{"KUBECONFIG=/srv/kube", "REKEY_ENVIRONMENT=production", "REKEY_REQUEST_ID=rot-1"}
	if diff := cmp.Diff(want, theirs(strings.TrimPrefix(g.read("told"), "status \n"))); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// TestRebuildIsTold: a program is told where a restart would not do.
func TestRebuildIsTold(t *testing.T) {
	g := open(t)
	asked := request("rot-1")
	asked.Rebuild = true
	if _, err := g.deployer().Trigger(t.Context(), asked); err != nil || !strings.Contains(g.read("told"), "\nREKEY_REBUILD=true\n") {
		t.Errorf("told %s, %v", g.read("told"), err)
	}
}

// theirs sorts the lines that env printed and leaves out what a shell sets by
// itself.
func theirs(printed string) []string {
	var lines []string
	for l := range strings.Lines(printed) {
		name, _, _ := strings.Cut(l, "=")
		if name != "PWD" && name != "OLDPWD" && name != "_" && name != "SHLVL" {
			lines = append(lines, strings.TrimSpace(l))
		}
	}
	slices.Sort(lines)
	return lines
}

func TestEndings(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		class  fault.Class
		reason fault.Reason
		detail string
		said   string // in its own words, "" for none
	}{
		"temporary":          {"echo busy >&2; exit 75", fault.Again, fault.ServerError, "(exit 75)", "busy"},
		"refused":            {"echo one; echo two; exit 3", fault.Ask, fault.Invalid, "ended with 3", "two"},
		"refused in silence": {"exit 3", fault.Ask, fault.Invalid, "ended with 3", ""},
		"endless words":      {"i=0; while [ $i -lt 2000 ]; do echo 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; i=$((i+1)); done; echo last; exit 1", fault.Ask, fault.Invalid, "ended with 1", "last"},
		"one endless line":   {"i=0; while [ $i -lt 200 ]; do printf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; i=$((i+1)); done; exit 1", fault.Ask, fault.Invalid, "ended with 1", ""},
		"killed":             {"echo speaking; kill -KILL $$", fault.Lost, fault.Unexplained, "somebody else", ""},
		"speaking a key":     {"echo 'FAL_KEY=" + deploytest.Spoken()[0].Reveal() + " is refused'; exit 1", fault.Ask, fault.Invalid, "ended with 1", "FAL_KEY=[secret] is refused"},
	} {
		t.Run(name, func(t *testing.T) {
			g := open(t)
			g.script("run", "#!/bin/sh\n"+c.script+"\n")
			_, err := g.deployer().Trigger(t.Context(), request("rot-1"))
			f := fault.Of(err)
			if f == nil || f.Class != c.class || f.Reason != c.reason || !strings.Contains(f.Detail, c.detail) {
				t.Errorf("got %v, want %s, %s with %q", err, c.class, c.reason, c.detail)
			}
			secrettest.NoLeak(t, deploytest.Spoken(), err)
			said, _ := errors.AsType[secret.Quote](err)
			if got := said.Masked(deploytest.Spoken()...); got != c.said {
				t.Errorf("it said %q, want %q", got, c.said)
			}
		})
	}
}

// left is a script that leaves a child of its group behind, which ignores the
// polite signal, and does not end itself. Its group and its child tell where
// they are.
const left = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
trap '' TERM
sh -c 'trap "" TERM; echo $$ > child; while :; do sleep 1; done' &
while [ ! -s child ]; do :; done
mv child ready
wait
while :; do sleep 1; done
`

// TestTimeout: a program that does not end is ended with all it started, and
// what it did is not known.
func TestTimeout(t *testing.T) {
	g := open(t)
	g.script("run", left)
	d := g.deployer(func(c *command.Config) { c.Timeout, c.Grace = time.Second, 10*time.Millisecond })
	_, err := d.Trigger(t.Context(), request("rot-1"))
	if f := fault.Of(err); f == nil || f.Class != fault.Lost || f.Reason != fault.TimedOut {
		t.Errorf("got %v", err)
	}
	g.gone()
}

// TestCancelled: the same when somebody else takes the rotation over.
func TestCancelled(t *testing.T) {
	g := open(t)
	g.script("run", left)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for g.read("ready") == "" && t.Context().Err() == nil {
			<-time.After(time.Millisecond)
		}
		cancel()
	}()
	d := g.deployer(func(c *command.Config) { c.Grace = 10 * time.Millisecond })
	_, err := d.Trigger(ctx, request("rot-1"))
	if f := fault.Of(err); f == nil || f.Class != fault.Lost || f.Reason != fault.Interrupted {
		t.Errorf("got %v", err)
	}
	g.gone()
}

// gone waits until the child that a script left behind has ended, whoever has
// to be told of its end.
func (g *target) gone() {
	g.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(g.read("ready")))
	if err != nil {
		g.Skip("the machine was too slow to start the child in time")
	}
	deadline := time.Now().Add(30 * time.Second)
	for living(pid) {
		if time.Now().After(deadline) {
			g.Fatalf("process %d lives", pid)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// living reports whether a process runs; one that waits to be reaped does not.
func living(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// TestLeftRunning: a run program may leave something running that holds its
// output open, in a session of its own or not.
func TestLeftRunning(t *testing.T) {
	g := open(t)
	g.script("run", "#!/bin/sh\ncd \"$(dirname \"$0\")\"\nsleep 300 &\necho $! > ready\n")
	d := g.deployer(func(c *command.Config) { c.Grace = 10 * time.Millisecond })
	if _, err := d.Trigger(t.Context(), request("rot-1")); err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(g.read("ready")))
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(pid)
	if err != nil || !living(pid) {
		t.Fatalf("what it left running was ended: %v", err)
	}
	_ = p.Kill()
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		says string
		want deploy.Status
		err  fault.Reason
	}{
		"a name":          {"echo running deployment=dpl-9 two of three", deploy.Status{Phase: deploy.Running, Deployment: "dpl-9", Said: secret.Quoted("two of three")}, ""},
		"a name too odd":  {`echo 'running deployment=x"y'`, deploy.Status{Phase: deploy.Running, Said: secret.Quoted(`deployment=x"y`)}, ""},
		"a later line":    {"echo succeeded; echo failed", deploy.Status{Phase: deploy.Live}, ""},
		"another word":    {"echo done well", deploy.Status{Phase: deploy.Unknown, Detail: "the status command names a state that is not in the contract", Said: secret.Quoted("done well")}, ""},
		"complaints":      {"echo warning >&2; echo running", deploy.Status{Phase: deploy.Running}, ""},
		"forgotten":       {"echo none", deploy.Status{Phase: deploy.Unknown, Detail: "the status command does not know this deployment"}, ""},
		"nothing":         {"true", deploy.Status{}, fault.Garbled},
		"an endless line": {"i=0; while [ $i -lt 200 ]; do printf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; i=$((i+1)); done", deploy.Status{}, fault.Garbled},
		"a failure":       {"echo running; exit 1", deploy.Status{}, fault.ServerError},
		"does not end":    {"while :; do :; done", deploy.Status{}, fault.TimedOut},
		"control letters": {`printf 'failed \033[31mred\n'`, deploy.Status{Phase: deploy.Failed, Said: secret.Quoted("\033[31mred")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := open(t)
			g.script("status", "#!/bin/sh\n"+c.says+"\n")
			d := g.deployer(func(cfg *command.Config) {
				if c.err == fault.TimedOut {
					cfg.StatusTimeout, cfg.Grace = 10*time.Millisecond, 10*time.Millisecond
				}
			})
			got, err := d.Status(t.Context(), deploy.Handle{ID: "rot-1", StatusURL: "command:status"})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if (c.err != "") != (err != nil) || c.err != "" && (!fault.Is(err, c.err) || fault.Of(err).Class != fault.Again) {
				t.Errorf("error %v, want %s", err, c.err)
			}
		})
	}
}

func TestAbsentProgram(t *testing.T) {
	g := open(t)
	missing := func(c *command.Config) { c.Run = []string{g.path("nowhere")} }
	_, err := g.deployer(missing).Trigger(t.Context(), request("rot-1"))
	if f := fault.Of(err); f == nil || f.Class != fault.Ask || !strings.Contains(f.Detail, "could not be started") {
		t.Errorf("got %v", err)
	}
	secrettest.NoLeak(t, []secret.Value{own}, err)
}

// TestAWordOutsideTheContract says neither that the id was started nor that it
// was not: nothing runs, and nobody is told that it did.
func TestAWordOutsideTheContract(t *testing.T) {
	g := open(t)
	g.script("status", "#!/bin/sh\necho 'Unknown id'\n")
	h, err := g.deployer().Trigger(t.Context(), request("rot-1"))
	if f := fault.Of(err); f == nil || f.Class != fault.Again || f.Reason != fault.Garbled || !strings.Contains(f.Detail, "nothing was started") {
		t.Errorf("%+v, %v", h, err)
	}
	g.script("status", statusScript)
	if _, err := g.deployer().Trigger(t.Context(), request("rot-1")); err != nil || g.read("starts") != "started\n" {
		t.Errorf("once it can be told: %v, started %q", err, g.read("starts"))
	}
}

func TestNew(t *testing.T) {
	good := command.Config{Run: []string{"/bin/deploy"}, Status: []string{"/bin/status"}}
	if _, err := command.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*command.Config){
		"no run":             func(c *command.Config) { c.Run = nil },
		"searched for":       func(c *command.Config) { c.Run = []string{"deploy"} },
		"no status":          func(c *command.Config) { c.Status = nil },
		"relative status":    func(c *command.Config) { c.Status = []string{"./status"} },
		"relative folder":    func(c *command.Config) { c.Folder = "srv" },
		"negative limit":     func(c *command.Config) { c.Timeout = -1 },
		"a variable of ours": func(c *command.Config) { c.Pass = []string{"REKEY_SECRETS"} },
	} {
		c := good
		spoil(&c)
		if _, err := command.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
