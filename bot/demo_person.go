//go:build !release

package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
)

// labelForm is the name that a guide asks a key to be given.
var labelForm = regexp.MustCompile(`rk_[a-z0-9_]+`)

// errand is a message that asks a person to make a key.
type errand struct {
	environment, label string
}

// asked finds the guide for an environment in the thread.
func asked(now slack.Snapshot, environment string) (errand, bool) {
	m, found := now.Find(func(m slack.Message) bool {
		return m.Thread != "" && strings.Contains(m.Text, "A person has to make the new key for "+environment)
	})
	return errand{environment, labelForm.FindString(m.Text)}, found
}

// atConsole sets a person at the console of the service, until the returned
// function is called: they do what the thread asks of people.
func (d *demo) atConsole(ctx context.Context) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if err := d.obey(ctx); ctx.Err() == nil {
			d.say("@ann gives up: %v", err)
		}
	}()
	return func() { cancel(); <-gone }
}

// obey waits for guides in the thread and does what each says, once, until it
// cannot or the context ends; it says which.
func (d *demo) obey(ctx context.Context) error {
	done := map[string]bool{} // by ts, and by the name of a key
	for {
		var guide slack.Message
		err := d.box.world.Slack.Wait(ctx, func(now slack.Snapshot) (found bool) {
			guide, found = d.own(now).Find(func(m slack.Message) bool {
				return m.Thread != "" && !done[m.TS] && (strings.Contains(m.Text, "A person has to ") || strings.Contains(m.Text, burial))
			})
			return found
		})
		if err != nil {
			return fmt.Errorf("waiting to be asked for something: %w", err)
		}
		done[guide.TS] = true
		if err := d.follow(guide.Text, done); err != nil {
			return err
		}
	}
}

// follow does what a guide says. One message may hold several, and one that
// repeats another needs no second key.
func (d *demo) follow(text string, done map[string]bool) error {
	if strings.Contains(text, burial) {
		return d.bury()
	}
	bring := d.play.bring
	if bring == nil {
		bring = diligent
	}
	for guide := range strings.SplitSeq(text, "A person has to ") {
		for words, environment := range map[string]string{
			sandbox.Staging: sandbox.Staging, sandbox.Production: sandbox.Production, "both environments": sandbox.Staging,
		} {
			label := labelForm.FindString(guide)
			if !strings.HasPrefix(guide, "make the new key for "+words) || done[words+label] {
				continue
			}
			done[words+label] = true
			if strings.Contains(guide, "environment `"+sandbox.ProductionSlug+"`") {
				environment = sandbox.Production // where it is asked for, for both
			}
			if err := bring(d, errand{environment, label}); err != nil {
				return fmt.Errorf("bringing the key for %s: %w", words, err)
			}
		}
		if of, ok := strings.CutPrefix(guide, "end "); ok {
			if err := d.endKey(of); err != nil {
				return err
			}
		}
	}
	return nil
}

// endKey ends the key that a guide means, which it names by its id or by its
// last characters.
func (d *demo) endKey(guide string) error {
	own := d.box.ledger(d.play.secret)
	shown, _, _ := strings.Cut(guide, ":")
	for _, id := range own.olds {
		k, _ := own.key(id)
		last4, hidden := strings.CutPrefix(shown, "…")
		if shown == id || hidden && strings.HasSuffix(k.value, last4) {
			d.say("@ann ends %s at the console, as the thread asks", id)
			own.end(id)
			return nil
		}
	}
	return fmt.Errorf("ending %s: no old key is called that", shown)
}

// diligent makes exactly the key that was asked for and pastes it.
func diligent(d *demo, e errand) error {
	own := d.box.ledger(d.play.secret)
	if own.make == nil {
		return fmt.Errorf("nobody makes keys of %s by hand", own.secret)
	}
	id, values := own.make(e.environment, e.label)
	d.say("@ann makes %s at the console, named %s, and pastes it into the inbox of %s", id, e.label, e.environment)
	for name, value := range values {
		if err := d.box.world.Leave(e.environment, name, value); err != nil {
			return err
		}
	}
	return nil
}
