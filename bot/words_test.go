//go:build !release

package main

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/scan"
	"rekey/internal/sandbox/slack"
	"rekey/rotation"
)

// versions are FAL_KEY's in the vault, by environment.
func (s *scene) versions() map[string]int {
	all := map[string]int{}
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		e, _ := s.world.Infisical.Read(s.world.Place(environment), app.FalKey)
		all[environment] = e.Version
	}
	return all
}

// untouched holds that the bot wrote nothing anywhere and told the channel
// nothing.
func (s *scene) untouched() {
	s.Helper()
	if w := s.world.Writes(); len(w) > 0 {
		s.Errorf("written: %v", w)
	}
	if diff := cmp.Diff(map[string]int{sandbox.Staging: 1, sandbox.Production: 1}, s.versions()); diff != "" {
		s.Errorf("versions in the vault (-want +got):\n%s", diff)
	}
	if m := s.slack.Messages(sandbox.Channel); len(m) > 0 {
		s.Errorf("the channel was told %v", m)
	}
	if r := s.last(); r != nil {
		s.Errorf("a rotation was recorded: %+v", r)
	}
	if !s.keyLives(s.world.OldKey()) {
		s.Error("the old key is dead")
	}
}

// TestWordsThatDoNotStart types what people type who want something else, or
// mistype: each gets a sentence that helps, and nothing is written anywhere.
func TestWordsThatDoNotStart(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	ann := sandbox.Requester
	for _, c := range []struct {
		user, command, text string
		says                []string
	}{
		{ann, "/rotate", "FAL_KEI", []string{"There is no secret with that name here", "Did you mean `FAL_KEY`?", "Nothing was started"}},
		{ann, "/rotate", "fal", []string{"Did you mean `FAL_KEY`?"}},
		{ann, "/rotate", "SOMETHING_ELSE", []string{"There is no secret with that name here", "`/rotate` lists those there are"}},
		{ann, "/rotate", "MEM0_API_KEY", []string{"MEM0_API_KEY is known to Rekey but not configured here"}},
		{ann, "/rotate", "statsu", []string{"Did you mean `/rotate status`?"}},
		{ann, "/rotate", "FAL_KEY retry", []string{"The command comes before the name", "/rotate retry FAL_KEY"}},
		{ann, "/rotate", "FAL_KEY and the others please", []string{"One secret at a time"}},
		{ann, "/rotate", "FAL_KEY --force", []string{"There is no such flag, and none that skips a check"}},
		{ann, "/rotate", "--plan", []string{"needs to know for which secret"}},
		{ann, "/rotate", "cancel", []string{"`cancel` needs the name of a secret"}},
		{ann, "/rotate", "cancel FAL_KEY", []string{"No rotation of FAL_KEY is open"}},
		{ann, "/rotate", "retry fal-key", []string{"No rotation of FAL_KEY is open"}},
		{ann, "/rotate", "\x00\u202e <!channel> *_~ \"", []string{"Nothing was started"}},
		{ann, "/rotate", strings.Repeat("rotate everything ", 400), []string{"Nothing was started"}},
		{ann, "/rotate", "rollback FAL_KEY", []string{"No rotation of FAL_KEY is open", "nothing to go back to"}},
		{ann, "/rotate", "help", []string{"How to use /rotate", "/rotate NAME --plan", "Never type a secret value here"}},
		{ann, "/rotate", "status", []string{"No rotation is open"}},
		{ann, "/rotate", "status FAL_KEY", []string{"No rotation of `FAL_KEY` is open"}},
		{ann, "/rotate", "", []string{"FAL_KEY", "fal.ai", "120 days old", "overdue", "image generation stops"}},
		{ann, "/rotate-emergency", "", []string{"needs the name of a secret", "Nothing was started"}},
		{ann, "/rotate-emergency", "FAL_KEI it leaked", []string{"Did you mean `FAL_KEY`?", "Nothing was started"}},
		{ann, "/rotate-emergency", "FAL_KEY --skip-approval it leaked", []string{"none that skips a check", "Nothing was started"}},
		{sandbox.Colleague, "/rotate-emergency", "FAL_KEY it leaked", []string{"You are not on the list of people who may start", "Nothing was done"}},
		{sandbox.Colleague, "/rotate", "FAL_KEY", []string{"You are not on the list of people who may start", "Nothing was done"}},
		{sandbox.Approver, "/rotate", "cancel FAL_KEY", []string{"You are not on the list of people who may start"}},
		{sandbox.Guest, "/rotate", "FAL_KEY", []string{"full members of this workspace only", "guest"}},
	} {
		s.shows(s.types(c.user, c.command, c.text), c.says...)
	}
	s.untouched()
}

// TestPlanWritesNothing holds a dry run to its word, for people who may start
// and for those who may only look.
func TestPlanWritesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	for user, text := range map[string]string{
		sandbox.Requester: "FAL_KEY --plan",
		sandbox.Colleague: "`fal_key` —plan", // as a telephone writes it
	} {
		s.shows(s.types(user, "/rotate", text), "Dry run of FAL_KEY", "Nothing was changed", "16. Report",
			s.world.OldKey(), "<!subteam^"+sandbox.Approvers+">", "not whoever asks", "deleted at once")
	}
	s.untouched()
	if n := len(s.world.Fal.Keys()); n != 5 {
		t.Errorf("there are %d keys at fal.ai", n)
	}
}

// TestPastedKeys types secret values where a name belongs. They are refused,
// called leaked, and found nowhere afterwards: the scene's end looks.
func TestPastedKeys(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	real, _ := s.world.Fal.Key(s.world.OldKey())
	_, half, _ := strings.Cut(real.Value, ":")
	s.pasted = []scan.Secret{
		{Name: "the key in use", Value: real.Value},
		{Name: "half of it", Value: half},
		{Name: "a Slack token", Value: "xoxb-" + "8123456789-abcDEFghi01234567"},
		{Name: "an Anthropic key", Value: "sk-ant-" + "api03-Zz81kQpL00vWq2"},
		{Name: "a web token", Value: "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZSJ9.q1w2e3"},
		{Name: "a long random word", Value: "f3Vq8ZkP1mXw7LtB9yRc5HdN2sJg"},
	}
	for _, p := range s.pasted {
		for _, line := range []struct{ user, command, text string }{
			{sandbox.Requester, "/rotate", p.Value},
			{sandbox.Requester, "/rotate", "FAL_KEY " + p.Value},
			{sandbox.Requester, "/rotate-emergency", "FAL_KEY leaked: '" + p.Value + "'"},
			{sandbox.Guest, "/rotate", p.Value}, // whoever it is must hear that it leaked
		} {
			s.shows(s.types(line.user, line.command, line.text), "looks like a secret value", "treat it as leaked", "Nothing was started")
		}
	}
	s.untouched()
}

// TestRotateAtOnce has one secret asked for four times at the same moment.
func TestRotateAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	const times = 4
	var typing sync.WaitGroup
	for range times {
		typing.Go(func() {
			if _, err := s.slack.SlashCommand(s.ctx, sandbox.Requester, sandbox.Channel, "/rotate", "FAL_KEY"); err != nil {
				t.Error(err)
			}
		})
	}
	typing.Wait()
	s.until("all are answered", func(now slack.Snapshot) bool { return len(answers(now, sandbox.Requester)) == times })
	started, refused := 0, 0
	for _, m := range answers(s.slack.Snapshot(), sandbox.Requester) {
		switch {
		case strings.Contains(m.Text, "Rotation of FAL_KEY started"):
			started++
		case strings.Contains(m.Text, "open already"):
			refused++
		default:
			t.Errorf("answered: %s", m.Text)
		}
	}
	if started != 1 || refused != times-1 {
		t.Errorf("%d started, %d refused", started, refused)
	}
	s.react(sandbox.Approver, s.card(1), yes)
	s.finishes(sandbox.Approver)
	if n := s.roots(); n != 1 {
		t.Errorf("%d rotations were announced", n)
	}
}

// roots counts the bot's messages in the channel that begin a thread.
func (s *scene) roots() (n int) {
	for _, m := range s.slack.Messages(sandbox.Channel) {
		if m.Thread == "" && m.User == "U0BOT" {
			n++
		}
	}
	return n
}

// TestCancelAtTheRequest follows one rotation through the commands: status,
// a second start, cancel when production is written, retry.
func TestCancelAtTheRequest(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	first := s.asked()
	s.shows(s.types(sandbox.Colleague, "/rotate", "status FAL_KEY"), "Waiting for approval", "Old key still valid. Nothing was revoked.", "Who must act", "Until")
	s.shows(s.rotate("FAL_KEY"), "open already")
	s.shows(s.rotate("retry FAL_KEY"), "there is nothing to retry")
	s.shows(s.rotate("cancel FAL_KEY"), "Cancel noted", "Revocation pending: both keys live", "/rotate retry FAL_KEY")
	s.says("*cancelled*")
	s.shows(s.rotate("FAL_KEY"), "open already", "Settle it first")
	s.shows(s.rotate(""), "open rotation", "Revocation pending")
	s.until("the request is closed", func(now slack.Snapshot) bool {
		m, _ := now.Find(func(m slack.Message) bool { return m.TS == first.TS })
		return strings.Contains(m.Text, "request void")
	})
	s.kept()

	s.shows(s.rotate("retry FAL_KEY"), "Retry noted")
	second := s.card(2)
	s.kept()
	s.react(sandbox.Second, second, yes)
	s.finishes(sandbox.Second)
	s.shows(s.rotate("status"), "No rotation is open", "Done")
	s.shows(s.rotate("cancel FAL_KEY"), "No rotation of FAL_KEY is open")
}

// TestCancelBetweenTheEnvironments stops a rotation of which staging has the
// new key and production nothing, and goes on with it.
func TestCancelBetweenTheEnvironments(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	deploying := make(chan struct{})
	s.world.OnWrite(func(w sandbox.Write) {
		if w.Kind == sandbox.DeployStaging && w.Nth == 1 {
			close(deploying)
		}
	})
	s.shows(s.rotate("FAL_KEY"), "started")
	<-deploying
	s.shows(s.rotate("cancel FAL_KEY"), "Cancel noted", "Production was not touched")
	r := s.becomes(rotation.Stuck)
	if r.Wrote(rotation.Production) || s.wrote(sandbox.VaultProduction) > 0 || s.versions()[sandbox.Production] != 1 {
		t.Errorf("production was written: %+v", r.Places[rotation.Production])
	}
	s.says("*cancelled*")
	s.kept()
	s.shows(s.rotate("retry FAL_KEY"), "Retry noted")
	s.react(sandbox.Approver, s.card(1), yes)
	s.finishes(sandbox.Approver)
}
