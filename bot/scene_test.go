//go:build !release

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/scan"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
	"rekey/providers"
	"rekey/rotation"
)

// The emoji of an approval card.
const (
	yes = "white_check_mark"
	no  = "x"
)

// scene is a sandbox in which a test plays the people. What must hold in every
// story is held against the world when it ends.
type scene struct {
	*testing.T
	*box
	ctx   context.Context
	slack *slack.Server
	// secret is the one that the story is about.
	secret string
	// others are secrets that are rotated beside it.
	others []string
	// pasted is what people typed and nobody may repeat.
	pasted []scan.Secret
	// calm scenes are not about the watches, and people help one that a stalled
	// machine could not make; helped counts how often.
	calm bool
	// costly stories cost requests: what they are about says why.
	costly bool
	helped int
}

// open starts a sandbox, with calm's configuration unless the test says
// otherwise: what a test is about must not depend on how fast a machine is.
func open(t *testing.T, o sandboxOptions) *scene {
	t.Helper()
	drawn(t)
	if o.speed == 0 {
		o.speed = 4
	}
	restful := o.adjust == nil
	if restful {
		o.adjust = calm()
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errors.New("the story took too long"))
	b, err := openSandbox(ctx, o)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	s := &scene{T: t, box: b, ctx: ctx, slack: b.world.Slack, secret: "FAL_KEY", calm: restful}
	t.Cleanup(func() {
		defer cancel()
		defer b.close()
		s.ctx = context.WithoutCancel(ctx) // what holds at the end is looked at even if the story took too long
		s.hold()
		if t.Failed() {
			t.Logf("the channel:\n%s\nthe bot said last:\n%s", s.transcript(), b.bot.tail())
		}
	})
	return s
}

// calm is quick with watches of one look each, which may come two seconds late:
// for stories about something else, on a machine that does a lot besides.
func calm(more ...string) func(string) string {
	slow := []string{"window", "2s", "interval", "2s", "ingest_delay", "100ms, min_requests: 3"}
	return quick(append(slow, more...)...)
}

// openCalm is open with calm's configuration and some settings more.
func openCalm(t *testing.T, more ...string) *scene {
	t.Helper()
	s := open(t, sandboxOptions{adjust: calm(more...)})
	s.calm = true
	return s
}

// set changes settings of the generated configuration, given as name and value
// in turn. One that is not there is a mistake of the test.
func set(pairs ...string) func(string) string {
	return func(config string) string {
		for p := range slices.Chunk(pairs, 2) {
			form := regexp.MustCompile(`\b` + p[0] + `: [^,}\n]+`)
			if !form.MatchString(config) {
				panic("the sandbox's configuration has no " + p[0])
			}
			config = form.ReplaceAllLiteralString(config, p[0]+": "+p[1])
		}
		return config
	}
}

// felt judges failed requests: none may fail but those of a cutover's own secret,
// inside its gap.
func (s *scene) felt(seen sandbox.Report) {
	s.Helper()
	r := s.last()
	if r == nil || r.Cell.Shape != providers.Cutover {
		s.Errorf("%d of %d requests to the application failed", seen.Failed, seen.Requests)
		return
	}
	own := seen.Secrets[s.secret]
	delete(seen.Secrets, s.secret)
	for _, what := range append(outside(r, own), bystanders(seen)...) {
		s.Error(what)
	}
}

// hold ends the scene and checks what is true at the end of every story.
func (s *scene) hold() {
	s.Helper()
	s.world.Rest()
	s.bot.stop()
	own := s.ledger(s.secret)
	all := []ledger{own}
	for _, name := range s.others {
		all = append(all, s.ledger(name))
	}
	for _, what := range append(s.broken(own), s.strays(all)...) {
		s.Error(what)
	}
	if r := s.world.Report(); r.Failed > 0 && !s.costly {
		s.felt(r)
	}
	leaks, err := s.world.Leaks(s.ctx, s.printed()...)
	if err != nil {
		s.Error(err)
	}
	for _, l := range append(leaks, s.echoes()...) {
		s.Errorf("leaked: %v", l)
	}
	for _, what := range disordered(s.slack.Messages(sandbox.Channel)) {
		s.Error(what)
	}
}

// echoes searches for what people pasted: in everything the bot sent to Slack,
// kept in Redis, or printed.
func (s *scene) echoes() []scan.Hit {
	s.Helper()
	look := scan.New(s.pasted...)
	hits, err := look.Redis(s.ctx, s.world.Endpoints().Redis)
	if err != nil {
		s.Error(err)
	}
	for q := range s.slack.Requests.All() {
		hits = append(hits, look.Bytes(fmt.Sprintf("request %d to Slack", q.Seq), q.Raw())...)
	}
	said, err := look.Reader("the bot's output", s.bot.output())
	if err != nil {
		s.Error(err)
	}
	return append(hits, said...)
}

// transcript is the channel and what single people saw, for a test that failed.
func (s *scene) transcript() string {
	var b strings.Builder
	now := s.slack.Snapshot()
	for _, m := range now.Messages[sandbox.Channel] {
		fmt.Fprintf(&b, "%s (thread %q) %s: %s %v\n", m.TS, m.Thread, m.User, m.Text, m.Reactions)
	}
	for person, list := range now.Ephemerals {
		for _, m := range list {
			fmt.Fprintf(&b, "%s only %s: %s\n", m.TS, person, m.Text)
		}
	}
	return b.String()
}

// until waits for something to be true in the workspace.
func (s *scene) until(what string, holds func(slack.Snapshot) bool) {
	s.Helper()
	if err := s.slack.Wait(s.ctx, holds); err != nil {
		s.Fatalf("waiting until %s: %v", what, err)
	}
}

// types types a command and returns what the person is answered after "Looking
// at that".
func (s *scene) types(user, command, text string) slack.Message {
	s.Helper()
	before := len(answers(s.slack.Snapshot(), user))
	if _, err := s.slack.SlashCommand(s.ctx, user, sandbox.Channel, command, text); err != nil {
		s.Fatal(err)
	}
	var got []slack.Message
	s.until(user+" is answered", func(now slack.Snapshot) bool {
		got = answers(now, user)[before:]
		return len(got) > 0
	})
	return got[0]
}

// rotate is the requester's /rotate.
func (s *scene) rotate(text string) slack.Message {
	s.Helper()
	return s.types(sandbox.Requester, "/rotate", text)
}

// answers are what came to one person through response URLs.
func answers(now slack.Snapshot, user string) []slack.Message {
	return via(now, user, slack.ViaResponseURL)
}

// whispers are what the bot told one person by itself.
func whispers(now slack.Snapshot, user string) []slack.Message {
	return via(now, user, slack.ViaMethod)
}

func via(now slack.Snapshot, user string, way slack.Via) []slack.Message {
	var out []slack.Message
	for _, m := range now.Ephemerals[user] {
		if m.Via == way {
			out = append(out, m)
		}
	}
	return out
}

// shows fails unless a message holds a text, in its gist or its blocks.
func (s *scene) shows(m slack.Message, texts ...string) {
	s.Helper()
	for _, text := range texts {
		quoted, err := json.Marshal(text)
		if err != nil {
			s.Fatal(err)
		}
		if !strings.Contains(m.Text, text) && !strings.Contains(string(m.Blocks), strings.Trim(string(quoted), `"`)) {
			s.Errorf("the answer does not say %q: %s\n%s", text, m.Text, m.Blocks)
		}
	}
}

// reaches waits like until. In a calm scene the requester does what the bot asks
// for when a watch had to stop because it could not measure: asks to go on.
func (s *scene) reaches(what string, holds func(slack.Snapshot) bool) {
	s.Helper()
	for {
		there := false
		s.until(what, func(now slack.Snapshot) bool {
			there = holds(now)
			return there || s.calm && unmeasured(now) > s.helped
		})
		if there {
			return
		}
		s.helped++
		s.rotate("retry " + s.secret)
	}
}

// unmeasured counts the watches that stopped. One that saw the application fail
// is not helped by asking again, and fails the scene by what the visitors saw.
func unmeasured(now slack.Snapshot) (n int) {
	for _, m := range now.Messages[sandbox.Channel] {
		if strings.Contains(m.Text, "*Stopped at “Watch production") {
			n++
		}
	}
	return n
}

// card waits for request n to ask people to click: its text is there, and both
// of the bot's own emoji. Of copies it returns the one that is live.
func (s *scene) card(n int) slack.Message {
	s.Helper()
	var card slack.Message
	s.reaches(fmt.Sprintf("request %d asks", n), func(now slack.Snapshot) (found bool) {
		card, found = now.Find(func(m slack.Message) bool {
			return asks(m, n) && m.Reacted("U0BOT", yes) && m.Reacted("U0BOT", no)
		})
		return found
	})
	return card
}

// asks reports whether a message is request n, calling people to act.
func asks(m slack.Message, n int) bool {
	return strings.Contains(m.Text, "React ✅") && strings.Contains(string(m.Blocks), fmt.Sprintf("Request %d · plan", n))
}

// asked starts a rotation and waits for its first request.
func (s *scene) asked() slack.Message {
	s.Helper()
	s.shows(s.rotate(s.secret), "started")
	return s.card(1)
}

func (s *scene) react(user string, m slack.Message, emoji ...string) {
	s.Helper()
	for _, name := range emoji {
		if err := s.slack.React(user, m.Channel, m.TS, name); err != nil {
			s.Fatalf("%s reacting %s: %v", user, name, err)
		}
	}
}

func (s *scene) unreact(user string, m slack.Message, name string) {
	s.Helper()
	if err := s.slack.Unreact(user, m.Channel, m.TS, name); err != nil {
		s.Fatalf("%s taking back %s: %v", user, name, err)
	}
}

// told waits until a person was told something privately and returns it. More
// than one sentence fails.
func (s *scene) told(user string) string {
	s.Helper()
	var got []slack.Message
	s.until(user+" is told why", func(now slack.Snapshot) bool {
		got = whispers(now, user)
		return len(got) > 0
	})
	s.toldOnce(user)
	return got[0].Text
}

func (s *scene) toldOnce(users ...string) {
	s.Helper()
	for _, user := range users {
		if got := whispers(s.slack.Snapshot(), user); len(got) != 1 {
			s.Errorf("%s was told %d things, not one: %v", user, len(got), got)
		}
	}
}

// says waits for a message in the thread or channel that holds a text.
func (s *scene) says(text string) slack.Message {
	s.Helper()
	var m slack.Message
	s.until(fmt.Sprintf("the thread says %q", text), func(now slack.Snapshot) (found bool) {
		m, found = now.Find(func(m slack.Message) bool { return strings.Contains(m.Text, text) })
		return found
	})
	return m
}

// kept holds that nothing was ended.
func (s *scene) kept() {
	s.Helper()
	if !s.keyLives(s.world.OldKey()) {
		s.Error("the old key is dead")
	}
	if n := s.wrote(sandbox.Delete); n > 0 {
		s.Errorf("%d keys were deleted", n)
	}
}

// wrote counts the bot's writes of a kind.
func (s *scene) wrote(k sandbox.Kind) (n int) {
	for _, w := range s.world.Writes() {
		if w.Kind == k {
			n++
		}
	}
	return n
}

// last is the rotation as the bot stored it.
func (s *scene) last() *rotation.Rotation {
	s.Helper()
	r, err := s.record(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// becomes waits until the stored rotation is in a state.
func (s *scene) becomes(state rotation.State) *rotation.Rotation {
	s.Helper()
	r, err := s.awaits(s.ctx, latest, func(r *rotation.Rotation) bool { return r.State == state })
	if err != nil {
		s.Fatalf("waiting until the rotation is %q: %v", state, err)
	}
	return r
}

// finishes waits for the report and holds that the rotation did what it is for,
// once, approved by exactly these people.
func (s *scene) finishes(approvers ...string) {
	s.Helper()
	s.reaches("the report is there", reported)
	r := s.last()
	if r == nil || r.State != rotation.Succeeded {
		s.Fatalf("the rotation is not done: %+v", r)
	}
	if s.keyLives(s.world.OldKey()) || !s.newKeyInUse() {
		s.Errorf("at the end: old key lives %t, new key in use %t", s.keyLives(s.world.OldKey()), s.newKeyInUse())
	}
	var approved []string
	for _, v := range r.Card.Approved {
		approved = append(approved, strings.TrimPrefix(v.Person.ID, "T0SANDBOX/"))
	}
	if !slices.Equal(approved, approvers) {
		s.Errorf("approved by %v, not by %v", approved, approvers)
	}
	for _, k := range []sandbox.Kind{sandbox.Create, sandbox.VaultStaging, sandbox.VaultProduction, sandbox.Delete} {
		if n := s.wrote(k); n != 1 {
			s.Errorf("%q was done %d times", k, n)
		}
	}
}

// onCall runs fn when a Web API method is called for the nth time from now on,
// before that call has any effect.
func (s *scene) onCall(method string, nth int64, fn func()) (stop func()) {
	var seen atomic.Int64
	return s.slack.Requests.OnRequest(func(q wire.Request) {
		if q.Path == "/api/"+method && seen.Add(1) == nth {
			fn()
		}
	})
}

// keyLives reports whether fal.ai accepts a key.
func (b *box) keyLives(id string) bool {
	k, known := b.ledger("FAL_KEY").key(id)
	return known && k.live
}

// newKeyInUse reports that everything runs on a new FAL_KEY that lives.
func (b *box) newKeyInUse() bool { return b.newInUse(b.ledger("FAL_KEY")) }

// ours reports whether a key of fal.ai bears the bot's label.
func (b *box) ours(id string) bool {
	k, known := b.ledger("FAL_KEY").key(id)
	return known && k.ours()
}
