//go:build !release

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
)

// The controls of FAL_KEY in a digest.
const (
	rotateNow = "rekey/1/rotate/FAL_KEY"
	snoozeNow = "rekey/1/snooze/FAL_KEY"
)

// announces stops the bot, has what is due announced from now on, and starts
// it again. Nothing was ever told, so the last tick counts as missed.
func (s *scene) announces() {
	s.Helper()
	s.configures()
	s.again()
}

// configures is announces without the second start.
func (s *scene) configures() {
	s.Helper()
	s.bot.stop()
	path := filepath.Join(s.dir, "rekey.yaml")
	config, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	config = append(config, "\nannounce: {cron: \"0 9 * * *\", zone: Europe/Berlin}\n"...)
	if err := os.WriteFile(path, config, 0o600); err != nil {
		s.Fatal(err)
	}
}

// again starts the bot.
func (s *scene) again() {
	s.Helper()
	if err := s.start(s.ctx); err != nil {
		s.Fatal(err)
	}
}

// announced waits until a bot has seen to the last tick, by its own word.
func (s *scene) announced(bot *child, times int) {
	s.Helper()
	for more := bot.said.more(); strings.Count(string(bot.said.all()), "what is due is announced") < times; more = bot.said.more() {
		select {
		case <-more:
		case <-s.ctx.Done():
			s.Fatalf("nothing was announced %d times:\n%s", times, bot.tail())
		}
	}
}

func isDigest(m slack.Message) bool { return strings.Contains(m.Text, "Secrets: ") }

// digests are those that stand in the channel.
func digests(now slack.Snapshot) []slack.Message {
	return slices.DeleteFunc(now.Messages[sandbox.Channel], func(m slack.Message) bool { return !isDigest(m) })
}

func (s *scene) digests() []slack.Message { return digests(s.slack.Snapshot()) }

// digest waits for the nth digest.
func (s *scene) digest(n int) slack.Message {
	s.Helper()
	var found slack.Message
	s.until("a digest is told", func(now slack.Snapshot) bool {
		all := digests(now)
		if len(all) < n {
			return false
		}
		found = all[n-1]
		return true
	})
	return found
}

// digestShows waits until the last digest shows a text.
func (s *scene) digestShows(text string) {
	s.Helper()
	s.until("the digest shows "+text, func(now slack.Snapshot) bool {
		all := digests(now)
		return len(all) > 0 && strings.Contains(string(all[len(all)-1].Blocks), text)
	})
}

// presses is a click in a digest, and what the person is answered.
func (s *scene) presses(user string, m slack.Message, action, value string) slack.Message {
	s.Helper()
	before := len(answers(s.slack.Snapshot(), user))
	if _, err := s.slack.Click(s.ctx, user, slack.Press{Channel: m.Channel, TS: m.TS, Action: action, Value: value}); err != nil {
		s.Fatal(err)
	}
	var got []slack.Message
	s.until(user+" is answered", func(now slack.Snapshot) bool {
		got = answers(now, user)[before:]
		return len(got) > 0
	})
	return got[0]
}

// seen is the moment that the digest's controls carry.
func (s *scene) seen(m slack.Message) string {
	s.Helper()
	for _, a := range m.Actions() {
		if a.ActionID == rotateNow {
			_, rest, _ := strings.Cut(string(a.Raw), `"value":"`)
			value, _, _ := strings.Cut(rest, `"`)
			return value
		}
	}
	s.Fatalf("the digest offers nothing: %s", m.Blocks)
	return ""
}

// TestOneDigestFromTwoBots: both are awake, both are started again, and the
// digest is told once.
func TestOneDigestFromTwoBots(t *testing.T) {
	t.Parallel()
	s, _ := enduring(t)
	s.announces()
	second := s.another()
	s.announced(s.bot, 1)
	s.announced(second, 1)
	s.shows(s.digest(1), "FAL_KEY", "*overdue* for 30 days", "120 days old", "image generation stops")
	for _, bot := range []*child{s.bot, second} {
		bot.kill()
		if err := s.launch(s.ctx, bot); err != nil {
			t.Fatal(err)
		}
		s.announced(bot, 2)
	}
	s.rotate("list") // whatever they had to tell, they had the time to
	if n := len(s.digests()); n != 1 {
		t.Errorf("%d digests", n)
	}
}

// TestKilledWhileTheDigestIsPosted: Slack has it, and the bot was killed before
// it knew. It is told again, marked as a copy, and then no more.
func TestKilledWhileTheDigestIsPosted(t *testing.T) {
	t.Parallel()
	s, _ := enduring(t)
	killed := make(chan struct{})
	s.when(sandbox.Digest, func(sandbox.Write) {
		s.bot.kill()
		close(killed)
	})
	s.configures()
	if err := s.bot.start(); err != nil {
		t.Fatal(err)
	}
	if err := s.revive(killed); err != nil {
		t.Fatal(err)
	}
	second := s.digest(2)
	if first := s.digests()[0]; copied(first) || !copied(second) {
		t.Errorf("which is the copy? first: %s\nsecond: %s", first.Text, second.Text)
	}
	s.presses(sandbox.Requester, second, snoozeNow, "7d "+s.seen(second))
	s.digestShows("*Since then:* Snoozed by") // the one that is live
	s.bot.kill()
	s.again()
	s.announced(s.bot, 2)
	s.rotate("list")
	if n := len(s.digests()); n != 2 {
		t.Errorf("%d digests", n)
	}
}

// TestKilledBeforeTheDigestIsPosted: it was committed, and Slack does not take
// it. The next bot tells it.
func TestKilledBeforeTheDigestIsPosted(t *testing.T) {
	t.Parallel()
	s, _ := enduring(t)
	s.slack.Refuse("chat.postMessage", 0, "internal_error")
	s.announces()
	s.announced(s.bot, 1)
	s.bot.kill()
	if n := len(s.digests()); n != 0 {
		t.Fatalf("%d digests although Slack took none", n)
	}
	s.slack.Faults.Clear("refuse chat.postMessage")
	s.again()
	s.digest(1)
	s.announced(s.bot, 2)
	s.rotate("list")
	if n := len(s.digests()); n != 1 {
		t.Errorf("%d digests", n)
	}
}

// TestRotateNowFromTheDigest: a click is a person's word. Who may not start is
// told so; a second click, and one after the rotation, do nothing and say so.
func TestRotateNowFromTheDigest(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.announces()
	d := s.digest(1)
	seen := s.seen(d)
	for user, text := range map[string]string{
		sandbox.Colleague: "You are not on the list of people who may start",
		sandbox.Guest:     "Rekey answers full members of this workspace only",
	} {
		s.shows(s.presses(user, d, rotateNow, ""), text)
	}
	if r := s.last(); r != nil {
		t.Errorf("a rotation was recorded: %+v", r)
	}
	s.shows(s.presses(sandbox.Requester, d, rotateNow, ""), "Rotation of FAL_KEY started")
	s.digestShows("A rotation is open now")
	s.shows(s.presses(sandbox.Requester, d, rotateNow, seen), "A rotation of FAL_KEY is open already")
	s.shows(s.presses(sandbox.Requester, d, snoozeNow, "7d "+seen), "Nothing was snoozed.")
	s.approved()
	s.digestShows("Rotated since.")
	s.shows(s.presses(sandbox.Requester, d, rotateNow, seen), "FAL_KEY was rotated since that message, so nothing was done.")
	s.rotated(nil)
}

// TestSnoozeFromTheDigest: it outlives the bot, is seen in the list and in the
// digest, and is ended by a word.
func TestSnoozeFromTheDigest(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.announces()
	d := s.digest(1)
	s.shows(s.presses(sandbox.Colleague, d, snoozeNow, "1d "+s.seen(d)), "You are not on the list")
	s.shows(s.presses(sandbox.Requester, d, snoozeNow, "7d "+s.seen(d)), "FAL_KEY is snoozed", "for 7 days")
	s.digestShows("*Since then:* Snoozed by")
	s.bot.kill()
	s.again()
	s.shows(s.rotate(""), "*overdue* for 30 days", "*snoozed* for 6 days more")
	s.shows(s.types(sandbox.Colleague, "/rotate", "unsnooze FAL_KEY"), "You are not on the list")
	s.shows(s.rotate("unsnooze FAL_KEY"), "is not snoozed any more")
	s.digestShows(rotateNow)
	s.shows(s.rotate("unsnooze FAL_KEY"), "FAL_KEY is not snoozed; nothing was changed.")
	if w := s.world.Writes(); len(w) != 1 || w[0].Kind != sandbox.Digest {
		t.Errorf("written: %v", w)
	}
}
