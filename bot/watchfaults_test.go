//go:build !release

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/loki"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
)

// TestWatchSeesTheKeyFail: one line in which the service refuses this
// credential, from the new deployment, fails the watch; nobody is asked to end
// the old key. The line holds the key, as careless clients write it: what
// people are shown of it does not.
func TestWatchSeesTheKeyFail(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{adjust: quick()})
	var deployment string
	s.when(sandbox.DeployProduction, func(w sandbox.Write) { deployment = w.What })
	var once sync.Once
	stop := s.world.Loki.Requests.OnRequest(func(q wire.Request) {
		if deployment != "" && strings.Contains(q.Query, deployment) {
			once.Do(func() {
				held, _ := s.world.Infisical.Read(s.world.Place(sandbox.Production), app.FalKey)
				s.world.Loki.PushAt(time.Now(), loki.Labels{"app": sandbox.AppName, "env": sandbox.Production, "deployment": deployment},
					`level=error msg="fal: 401 Unauthorized: no user for `+held.Value+`"`)
			})
		}
	})
	defer stop()
	s.rotate("FAL_KEY")
	s.shows(s.says("*Watch: failed.*"), "errors: this credential's own error was seen", "one log line says that this credential is failing", "fal: 401 Unauthorized")
	s.wentBack()
}

// TestLogsSpeakTheKeyBeforeTheStart: the application fails already and its log
// holds the old key. The rotation waits, and says why without it; the scene's
// end looks for the key in Slack, in Redis and in what the bot printed.
func TestLogsSpeakTheKeyBeforeTheStart(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	old, _ := s.world.Fal.Key(s.world.OldKey())
	for n := range 100 { // whenever it looks back, at the two seconds before: on a busy machine late, on another one at once
		at := time.Now().Add(time.Duration(n-20) * 100 * time.Millisecond)
		s.world.Loki.PushAt(at, loki.Labels{"app": sandbox.AppName, "env": sandbox.Production, "deployment": s.world.Production.Deployment()},
			`level=error msg="fal: 401 Unauthorized: no user for `+old.Value+`"`)
	}
	s.rotate("FAL_KEY")
	m := s.says("asking the check errors before the start")
	s.shows(m, "the application is failing", "log lines say that this credential is failing", "no user for [secret]")
	s.kept()
}

// TestLogsSpeakTheKeyWhileTheVaultIsAway: nobody can mask what the log says
// then, so that it is not repeated.
func TestLogsSpeakTheKeyWhileTheVaultIsAway(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{adjust: quick()})
	s.when(sandbox.DeployProduction, func(w sandbox.Write) {
		held, _ := s.world.Infisical.Read(s.world.Place(sandbox.Production), app.FalKey)
		var once sync.Once
		s.world.Loki.Faults.Inject("the watch begins", wire.Fault{Match: wire.Match{When: func(q wire.Request) bool {
			return strings.Contains(q.Query, w.What)
		}}, Do: func(turn wire.Turn) {
			once.Do(func() {
				s.world.Infisical.Faults.Inject("away", wire.Fault{Do: instead(status(http.StatusBadGateway))})
				s.world.Loki.PushAt(time.Now(), loki.Labels{"app": sandbox.AppName, "env": sandbox.Production, "deployment": w.What},
					`level=error msg="fal: 401 Unauthorized: no user for `+held.Value+`"`)
			})
			turn.Next.ServeHTTP(turn.W, turn.R)
		}})
	})
	s.rotate("FAL_KEY")
	m := s.says("*Watch: failed.*")
	s.shows(m, "one log line says that this credential is failing")
	if strings.Contains(m.Text+string(m.Blocks), "no user for") {
		t.Errorf("the log is repeated: %s", m.Text)
	}
	s.stops(1, "Watch production", "Old key still valid. Nothing was revoked.")
	s.world.Infisical.Faults.Clear("away")
	s.halted(2, 2)
}

// TestWatchCannotMeasure: a log source that stops answering after the
// deployment never turns into a passed watch. When it answers again a retry
// watches anew.
func TestWatchCannotMeasure(t *testing.T) {
	for name, do := range map[string]wire.Action{
		"asked to slow down": wire.TooMany(time.Second, `{}`),
		"a sign-in page":     wire.HTML(),
		"down":               wire.Drop(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, sandboxOptions{adjust: quick()})
			s.when(sandbox.DeployProduction, func(sandbox.Write) { s.world.Loki.Faults.Inject(name, wire.Fault{Do: do}) })
			s.rotate("FAL_KEY")
			s.shows(s.says("*Watch: cannot measure.*"), "errors: 0 of 2 looks good")
			s.stops(1, "Watch production", "Old key still valid. Nothing was revoked.")
			s.halted(2, 2)
			s.world.Loki.Faults.Clear(name)
			s.retries()
			s.says("*Watch: passed.*")
			s.card(1)
			s.kept()
		})
	}
}

// TestWatchHearsNothing: a source that answers and has no lines is silent, and
// silence is not health.
func TestWatchHearsNothing(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{adjust: quick()})
	s.when(sandbox.DeployProduction, func(sandbox.Write) { s.world.Loki.Silence(true) })
	s.rotate("FAL_KEY")
	s.shows(s.says("*Watch: inconclusive.*"), "errors: 0 of 2 looks good, 0 bad, 2 without data", "silence is not health")
	s.stops(1, "Watch production", "Old key still valid. Nothing was revoked.")
	s.halted(2, 2)
}

// TestBaselineDecides: an application that always logs errors. As many as
// usual pass, though without a look at the time before they would be far too
// many; more than usual fail, though the key is not named in any.
func TestBaselineDecides(t *testing.T) {
	const usual = 40 // in the time of a watch, which is two looks
	for name, each := range map[string]int{"as many as usual": usual / 2, "many more": 10 * usual} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, sandboxOptions{adjust: quick()})
			n := &noise{world: s.world, usual: usual, each: each, made: map[string]bool{}}
			s.when(sandbox.DeployProduction, func(w sandbox.Write) { n.deployed(w.What) })
			defer s.world.Loki.Requests.OnRequest(n.hear)()
			s.rotate("FAL_KEY")
			if each > usual {
				s.shows(s.says("*Watch: failed.*"), " usual)", "errors: 0 of 2 looks good, 2 bad")
				s.wentBack()
				return
			}
			s.until("the watch has ended", func(now slack.Snapshot) bool {
				_, ended := now.Find(func(m slack.Message) bool { return verdictOf.MatchString(m.Text) })
				return ended
			})
			s.shows(s.says("*Watch: "), "*Watch: passed.*", fmt.Sprintf("errors: %d counted", usual), " usual)")
			s.card(1)
			s.kept()
		})
	}
}

// noise are errors that an application logs: so many before it is deployed anew,
// and so many at each look after that. They are there when they are asked for,
// however late that is.
type noise struct {
	world       *sandbox.World
	usual, each int

	mu   sync.Mutex
	live string // the new deployment
	made map[string]bool
}

func (n *noise) deployed(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.live = name
}

// verdictOf is what a watch came to.
var verdictOf = regexp.MustCompile(`\*Watch: (passed|failed|cannot measure|inconclusive)\.\*`)

// deploymentOf is the deployment that a query is about.
var deploymentOf = regexp.MustCompile(`deployment="([^"]+)"`)

// hear adds the errors of a range at the first question about its end.
func (n *noise) hear(q wire.Request) {
	asked, err := url.ParseQuery(q.Query)
	about := deploymentOf.FindStringSubmatch(asked.Get("query"))
	end, endErr := strconv.ParseInt(asked.Get("start"), 10, 64)
	if err != nil || endErr != nil || about == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := n.each
	if about[1] != n.live {
		lines = n.usual
	}
	if key := about[1] + asked.Get("start"); !n.made[key] {
		n.made[key] = true
		for range lines {
			n.world.Loki.PushAt(time.Unix(0, end).Add(-5*time.Millisecond),
				loki.Labels{"app": sandbox.AppName, "env": sandbox.Production, "deployment": about[1]}, "level=error msg=report status=500")
		}
	}
}

// TestBlindFromTheStart: a rotation that could not be watched does not begin.
func TestBlindFromTheStart(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{adjust: quick()})
	s.world.Loki.Faults.Inject("down", wire.Fault{Do: wire.Drop()})
	s.rotate("FAL_KEY")
	s.stops(1, "asking the check errors before the start", "it could not be measured", "Old key still valid. Nothing was changed.")
	s.halted(1, 1)
	if w := s.world.Writes(); len(w) > 0 {
		t.Errorf("written: %v", w)
	}
}
