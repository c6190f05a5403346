//go:build !release

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"rekey/bot/signed"
	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/rotation"
)

// checkAway turns down --slack-down where it cannot be played.
func (o sandboxOptions) checkAway(given map[string]bool) error {
	switch {
	case !o.slackDown:
		return nil
	case !o.emergency || o.all() || o.revokeFirst || o.rootJobs || given["plant"]:
		return errors.New("--slack-down goes with the --demo of one secret and --emergency, and with nothing else that changes its story")
	}
	entry, p, err := o.beginning()
	if err != nil {
		return err
	}
	if t := p.Kind.Traits(); t.Guided || t.EndByHand {
		return fmt.Errorf("--slack-down: %s: people make or end its keys at a console, as `rekey status %s` tells them, click by click; the script has nobody there while Slack is away", entry.Name, entry.Name)
	}
	return nil
}

// signable says why nobody could sign here.
func signable(s script) error {
	if !s.away {
		return nil
	}
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		return errors.New("people sign with ssh-keygen, which is not here; it comes with OpenSSH (openssh-client)")
	}
	return nil
}

// outage is Slack's absence in a story, and what the world saw of it.
type outage struct {
	from, to time.Time
	signed   time.Time      // before the first yes was
	before   int            // messages, when it began
	through  int            // and when it ended
	wanted   map[int]string // what the thread has to tell, by entry
}

// absence is what it came to.
type absence struct {
	By               string  `json:"by"` // the path of every approval, by the bot's record
	SlackDownSeconds float64 `json:"slack_down_seconds"`
	// DeadWhileDown is by the service's own records.
	DeadWhileDown  bool `json:"old_key_dead_while_slack_was_down"`
	ThreadCaughtUp bool `json:"thread_caught_up"` // one thread, with every entry, once, in order
}

func (a *absence) good() bool {
	return a == nil || a.By == signed.Path && a.DeadWhileDown && a.ThreadCaughtUp
}

func (a *absence) tell(secret string, say func(string, ...any)) {
	if a != nil {
		say("%s: approved by %s; Slack was down for %g s; old key dead by then %t; thread caught up %t", secret, a.By, a.SlackDownSeconds, a.DeadWhileDown, a.ThreadCaughtUp)
	}
}

// withoutSlack plays the story on the command line until the rotation is over, and
// then has Slack back until the thread has told everything.
func (d *demo) withoutSlack(ctx context.Context) error {
	if d.box.line == nil {
		return errors.New("the name of the folder for temporary files is too long for a socket")
	}
	d.box.unseen = true
	d.outage.before = len(d.box.world.Slack.Messages(sandbox.Channel))
	d.say("Slack goes down: its API and every socket.")
	if _, err := d.box.world.Inject(sandbox.FaultOrder{Service: "slack", Kind: sandbox.Down}); err != nil {
		return err
	}
	d.outage.from = time.Now()
	r, err := d.contains(ctx)
	d.outage.to, d.outage.through = time.Now(), len(d.box.world.Slack.Messages(sandbox.Channel))
	d.box.world.Faults("slack").Clear(sandbox.Down)
	d.say("Slack is back.")
	if err != nil {
		return err
	}
	if d.outage.wanted, err = d.box.tellable(ctx, r); err != nil {
		return err
	}
	return d.box.world.Slack.Wait(ctx, func(now slack.Snapshot) bool {
		own := d.own(now)
		return d.ended(own) && len(untold(own.Messages[sandbox.Channel], d.outage.wanted)) == 0
	})
}

// contains is the emergency: ann asks, and ben decides, each with their own key.
func (d *demo) contains(ctx context.Context) (*rotation.Rotation, error) {
	const retries = 2
	if err := d.signs(ctx, "ann", append([]string{"emergency", d.play.secret}, strings.Fields(leaked)...)...); err != nil {
		return nil, err
	}
	answered := 0
	for {
		r, err := d.box.awaits(ctx, latestOf(d.play.secret), func(r *rotation.Rotation) bool {
			return r.State.Final() || r.State == rotation.Stuck || r.State == rotation.Asking && r.Card.Number > answered
		})
		switch {
		case err != nil || r.State.Final():
			return r, err
		case r.State == rotation.Asking:
			answered, err = r.Card.Number, d.approves(ctx)
		case d.helped == retries || !unmade(r):
			return r, errStopped
		default:
			d.helped++
			err = d.signs(ctx, "ann", "retry", d.play.secret)
		}
		if err != nil {
			return r, err
		}
	}
}

// approves is ben, who looks first.
func (d *demo) approves(ctx context.Context) error {
	if err := d.signs(ctx, "ben", "status", d.play.secret); err != nil {
		return err
	}
	if d.outage.signed.IsZero() {
		d.outage.signed = time.Now()
	}
	return d.signs(ctx, "ben", "approve", d.play.secret)
}

// signs is somebody at the command line.
func (d *demo) signs(ctx context.Context, who string, words ...string) error {
	d.say("@%s types: rekey %s", who, strings.Join(words, " "))
	code, said, err := d.box.line.runs(ctx, who, words...)
	d.say("[@%s's terminal] %s", who, indented(strings.TrimSpace(said)))
	if err == nil && code != exitDone {
		err = fmt.Errorf("rekey %s: exit code %d", words[0], code)
	}
	return err
}

// unmade reports a watch that a busy machine could not make.
func unmade(r *rotation.Rotation) bool {
	return r.Problem != nil && strings.HasPrefix(r.Problem.Step, string(rotation.Watch))
}

// missed is what Slack's absence came to.
func (d *demo) missed(record *rotation.Rotation) *absence {
	o := &d.outage
	a := &absence{SlackDownSeconds: float64(o.to.Sub(o.from).Milliseconds()) / 1000}
	if dead := d.coroner.death(); !dead.IsZero() {
		a.DeadWhileDown = dead.After(o.from) && dead.Before(o.to)
	}
	if record != nil && record.Card != nil {
		var paths []string
		for _, v := range record.Card.Approved {
			paths = append(paths, v.Path)
		}
		a.By = strings.Join(slices.Compact(paths), ", ")
	}
	own := threads(d.box.world.Slack.Messages(sandbox.Channel), d.play.secret)
	roots := slices.DeleteFunc(slices.Clone(own), func(m slack.Message) bool { return m.Thread != "" })
	a.ThreadCaughtUp = o.wanted != nil && len(untold(own, o.wanted))+len(disordered(own)) == 0 && len(roots) == 1
	return a
}

// unsigned lists what the record says of its approval that nobody signed so, and
// what came through a Slack that was away.
func (d *demo) unsigned(record *rotation.Rotation) []string {
	var broken []string
	if n := d.outage.through - d.outage.before; n > 0 {
		broken = append(broken, fmt.Sprintf("%d messages came through while Slack was down", n))
	}
	if dead := d.coroner.death(); !dead.IsZero() && (d.outage.signed.IsZero() || dead.Before(d.outage.signed)) {
		broken = append(broken, "the old key died before anybody had signed a yes")
	}
	if record == nil || record.Card == nil || d.box.line == nil {
		return append(broken, "there is no approval in the record")
	}
	if !bytes.Contains(d.box.line.said.all(), []byte("Slack is not reached")) {
		broken = append(broken, "nobody was told on the command line that Slack is away")
	}
	ben := rotation.Person{ID: sandboxWorkspace + "/" + sandbox.Approver, Name: "ben", Key: d.box.line.keys["ben"].Fingerprint}
	for _, v := range record.Card.Approved {
		if v.Person != ben || v.Person.ID == record.Requester.ID || v.Person.Key == record.Requester.Key {
			broken = append(broken, fmt.Sprintf("the record has an approval by %+v, asked for by %+v; it was %+v who signed", v.Person, record.Requester, ben))
		}
	}
	return broken
}
