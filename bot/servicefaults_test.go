//go:build !release

package main

import (
	"cmp"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/fal"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
	"rekey/rotation"
)

// quick shortens what most stories about faults are not about: the watches
// have two looks, a second apart and one of which may be missed, because a busy
// machine needs room between them.
func quick(more ...string) func(string) string {
	brief := []string{
		"expiry", "1h", "window", "2s", "interval", "1s", "initial_delay", "100ms",
		"ingest_delay", "100ms", "error_retry", "50ms, min_coverage: 50%", "hold", "100ms",
	}
	return set(append(brief, more...)...)
}

// steady has watches of one look each, as calm has, and changes nothing else.
func steady() func(string) string {
	return set("window", "2s", "interval", "2s", "initial_delay", "100ms", "ingest_delay", "100ms, min_requests: 3", "error_retry", "50ms, min_coverage: 50%")
}

// openImpatient is openCalm with a bound to the calls to the service, for
// stories in which it does not answer.
func openImpatient(t *testing.T) *scene {
	t.Helper()
	return openChanged(t, "scope: shared", "scope: shared\n    timeout: 2s")
}

// openChanged is openCalm with a piece of the configuration replaced.
func openChanged(t *testing.T, old, text string) *scene {
	t.Helper()
	s := open(t, sandboxOptions{adjust: changed(old, text)})
	s.calm = true
	return s
}

func changed(old, text string) func(string) string {
	return func(config string) string { return mustReplace(calm()(config), old, text) }
}

func mustReplace(config, old, text string) string {
	if !strings.Contains(config, old) {
		panic("the sandbox's configuration has no " + old)
	}
	return strings.Replace(config, old, text, 1)
}

// stops waits until the rotation has stopped for the nth time and holds that
// the message to people says what is given.
func (s *scene) stops(nth int, texts ...string) {
	s.Helper()
	var m slack.Message
	s.until("the rotation has stopped", func(now slack.Snapshot) bool {
		seen := 0
		for _, each := range now.Messages[sandbox.Channel] {
			if asksForHelp(each) && !(s.calm && strings.Contains(each.Text, "Watch production")) {
				m = each
				seen++
			}
		}
		return seen >= nth
	})
	s.shows(m, texts...)
}

// retries types the command with which a person lets a rotation go on.
func (s *scene) retries() {
	s.Helper()
	s.shows(s.rotate("retry "+s.secret), "Retry noted")
}

// approved answers the latest card and waits for the end of the story.
func (s *scene) approved() {
	s.Helper()
	s.react(sandbox.Approver, s.card(1), yes)
	s.reports()
}

// reports waits for the end of the story.
func (s *scene) reports() {
	s.Helper()
	s.reaches("the report is there", reported)
}

// rotated holds that the rotation did what it is for, with these numbers of
// writes; kinds that are left out must have been written once.
func (s *scene) rotated(writes map[sandbox.Kind]int) {
	s.Helper()
	if r := s.last(); r == nil || r.State != rotation.Succeeded {
		s.Fatalf("the rotation is not done: %+v", r)
	}
	if s.keyLives(s.world.OldKey()) || !s.newKeyInUse() {
		s.Errorf("at the end: old key lives %t, new key in use %t", s.keyLives(s.world.OldKey()), s.newKeyInUse())
	}
	if live := s.liveKeys(); len(live) != 1 {
		s.Errorf("keys of ours that live: %v, want one", live)
	}
	want, got := map[sandbox.Kind]int{}, map[sandbox.Kind]int{}
	for _, k := range sandbox.Kinds() {
		want[k], got[k] = cmp.Or(writes[k], 1), s.wrote(k)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		s.Errorf("writes (-want +got):\n%s", diff)
	}
}

// liveKeys lists the keys that carry a label of ours and live.
func (s *scene) liveKeys() []string {
	var live []string
	for _, k := range s.world.Fal.Keys() {
		if k.Live() && s.ours(k.ID) {
			live = append(live, k.ID)
		}
	}
	return live
}

// halted holds that the old key lives, was not asked about, and that the
// environments hold what they must.
func (s *scene) halted(staging, production int) {
	s.Helper()
	if !s.keyLives(s.world.OldKey()) {
		s.Error("the old key is dead")
	}
	if n := s.wrote(sandbox.ApprovalCard); n > 0 {
		s.Errorf("people were asked %d times whether the old key may end", n)
	}
	want := map[string]int{sandbox.Staging: staging, sandbox.Production: production}
	if diff := gocmp.Diff(want, s.versions()); diff != "" {
		s.Errorf("versions in the vault (-want +got):\n%s", diff)
	}
}

// when runs fn at the first write of a kind, before its answer. A world has
// one such hook.
func (s *scene) when(k sandbox.Kind, fn func(sandbox.Write)) {
	s.world.OnWrite(func(w sandbox.Write) {
		if w.Kind == k && w.Nth == 1 {
			fn(w)
		}
	})
}

// requests are the requests of a service that fit a method and a path.
func requests(c *wire.Recorder, method, path string) []wire.Request {
	return slices.Collect(func(yield func(wire.Request) bool) {
		for q := range c.All() {
			if q.Method == method && q.Path == path && !yield(q) {
				return
			}
		}
	})
}

// instead lets a request have its effect and gives another answer.
func instead(answer wire.Action) wire.Action {
	return func(t wire.Turn) {
		t.Next.ServeHTTP(httptest.NewRecorder(), t.R)
		answer(t)
	}
}

// status answers with a status and nothing else.
func status(code int) wire.Action { return wire.Answer(code, nil, `{}`) }

// TestRunsThatMustNotEnd: the demonstration itself tells a denied, a failing
// and an unmeasurable run from a good one.
func TestRunsThatMustNotEnd(t *testing.T) {
	deny := func(d *demo, card slack.Message) error {
		return d.box.world.Slack.React(sandbox.Approver, card.Channel, card.TS, no)
	}
	pending := func(now slack.Snapshot) bool {
		_, found := now.Find(func(m slack.Message) bool { return strings.Contains(m.Text, "Revocation pending") })
		return found
	}
	for name, c := range map[string]struct {
		play script
		want rotation.State
	}{
		"denied": {script{atCard: deny, rests: pending}, rotation.Pending},
		"failing": {script{arrange: func(b *box) {
			b.world.Target.Misbehave(sandbox.Staging, app.Mischief{FailBuild: true})
		}}, rotation.Stuck},
		"unmeasurable": {script{arrange: func(b *box) {
			b.world.Loki.Faults.Inject("down", wire.Fault{Do: wire.Drop()})
		}}, rotation.Stuck},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := play(t, sandboxOptions{speed: 4, adjust: quick()}, c.play)
			if stopped := errors.Is(err, errStopped); stopped != (c.want == rotation.Stuck) || !stopped && err != nil {
				t.Errorf("the story ended with %v", err)
			}
			if r.good() || r.OldKeyDead || r.Result != string(c.want) || r.AppFailed > 0 || r.Leaks > 0 || len(r.broken) > 0 {
				t.Errorf("result: %+v, broken: %v", r, r.broken)
			}
		})
	}
}

// keyByHand is a key that somebody made in the console.
func (s *scene) keyByHand() fal.Key { return s.world.Fal.AddKey("team", "by-hand") }

// refusals are answers that no waiting heals.
var refusals = map[int]string{
	http.StatusUnauthorized: "the credential Rekey asked with was refused",
	http.StatusForbidden:    "the credential Rekey asked with lacks a right",
}
