//go:build !release

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/slack"
)

// TestDemoAyrshare is a cutover by hand: people approve before a person replaces
// the key, production's work is held meanwhile and loses nothing, and the gap is
// measured. In staging the value of the wrong page is brought first.
func TestDemoAyrshare(t *testing.T) {
	t.Parallel()
	var b *box
	var asked, replaced, held int
	s := script{secret: app.SocialKey, bring: func(d *demo, e errand) error {
		if e.environment == sandbox.Staging {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := wrongPage(ctx, d); err != nil {
				return err
			}
		}
		return diligent(d, e)
	}}
	s.arrange = func(made *box) {
		b = made
		b.world.OnWrite(func(w sandbox.Write) {
			switch w.Kind {
			case sandbox.ApprovalCard:
				asked++
			case sandbox.ReplacedByHand:
				replaced++
				if len(w.Approved) == 0 {
					t.Errorf("a person was asked to replace %s before anybody approved", w.What)
				}
				if b.world.Production.Held() {
					held++
				}
			}
		})
	}
	r, err := play(t, sandboxOptions{}, s)
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if r.Shape != "cutover" || r.GapSeconds <= 0 || r.AppFailed == 0 || r.ApprovedBy != "T0SANDBOX/U0BEN" {
		t.Errorf("result: %+v", r)
	}
	if asked != 1 || replaced != 2 || held != 1 {
		t.Errorf("%d cards; %d keys were replaced, %d of them while production's work was held", asked, replaced, held)
	}
	if b.world.Production.Held() || b.world.Production.LostPosts() > 0 {
		t.Errorf("production's work is held: %t; %d posts are lost", b.world.Production.Held(), b.world.Production.LostPosts())
	}
	if _, told := b.world.Slack.Snapshot().Find(func(m slack.Message) bool {
		return strings.Contains(m.Text, "May AYRSHARE_API_KEY be replaced now?") || strings.Contains(m.Text, "AYRSHARE_API_KEY: approved")
	}); !told {
		t.Error("no card asked before the key was replaced")
	}
}

// TestDemoAyrshareShared: one account serves both environments. The person is
// asked once, production comes first, and staging is brought along.
func TestDemoAyrshareShared(t *testing.T) {
	t.Parallel()
	var order []sandbox.Kind
	s := script{secret: app.SocialKey, arrange: func(b *box) {
		b.world.OnWrite(func(w sandbox.Write) {
			if w.Kind == sandbox.ReplacedByHand || w.Kind == sandbox.VaultStaging || w.Kind == sandbox.VaultProduction {
				order = append(order, w.Kind)
			}
		})
	}}
	r, err := play(t, sandboxOptions{oneSocial: true}, s)
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() || r.Shape != "cutover" || r.GapSeconds <= 0 {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if want := []sandbox.Kind{sandbox.ReplacedByHand, sandbox.VaultProduction, sandbox.VaultStaging}; !slices.Equal(order, want) {
		t.Errorf("it went %v, want %v", order, want)
	}
}

// wrongPage pastes a Profile Key and reads why it is not taken.
func wrongPage(ctx context.Context, d *demo) error {
	w := d.box.world
	if err := w.Leave(sandbox.Staging, app.SocialKey, w.Ayrshare.Profile(sandbox.SocialAccount(sandbox.Staging))); err != nil {
		return err
	}
	err := w.Slack.Wait(ctx, func(now slack.Snapshot) bool {
		_, told := now.Find(func(m slack.Message) bool { return strings.Contains(m.Text, "Switch to the Primary Profile") })
		return told
	})
	if err != nil {
		return fmt.Errorf("waiting for the sentence about the profile: %w", err)
	}
	return nil
}
