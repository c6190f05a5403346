package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"rekey/bot/config"
	"rekey/bot/signed"
)

// TestPatiently: a Slack that refuses the bot for good is tried again, and ends
// nothing.
func TestPatiently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var tried []time.Duration
		begun := time.Now()
		run := func(context.Context) error {
			if tried = append(tried, time.Since(begun)); len(tried) == 3 {
				stop()
			}
			return errors.New("the token was revoked")
		}
		err := patiently(run, time.Minute, slog.New(slog.DiscardHandler))(ctx)
		if err != nil || len(tried) != 3 || tried[2] != 2*time.Minute {
			t.Errorf("%v, tried after %v", err, tried)
		}
	})
}

// TestRoll: people may do on the command line what the lists say without Slack:
// whoever is listed, and whoever stands for a group.
func TestRoll(t *testing.T) {
	listed, group := config.People{Users: []string{"U1"}}, config.People{Group: "S1"}
	for _, c := range []struct {
		name            string
		list            config.People
		p               signed.Person
		starts, approve bool
	}{
		{"listed", listed, signed.Person{User: "U1"}, true, true},
		{"not listed", listed, signed.Person{User: "U2"}, false, false},
		{"stands for a group that is not asked", listed, signed.Person{User: "U2", Approver: true, Starter: true}, false, false},
		{"perhaps in the group", group, signed.Person{User: "U1"}, false, false},
		{"stands for the group's approvers", group, signed.Person{User: "U2", Approver: true}, false, true},
		{"stands for the group's starters", group, signed.Person{User: "U2", Starter: true}, true, false},
		{"nobody is named", config.People{}, signed.Person{User: "U2"}, true, false},
	} {
		r := roll{&config.Config{Starters: c.list, Secrets: map[string]*config.Secret{"FAL_KEY": {Policy: config.Policy{Approvers: c.list}}}}}
		if s, a := r.Starts(c.p), r.Approves(c.p, "FAL_KEY"); s != c.starts || a != c.approve {
			t.Errorf("%s: starts %t, approves %t", c.name, s, a)
		}
		if r.Approves(c.p, "OTHER_KEY") {
			t.Errorf("%s: approves what is not configured", c.name)
		}
	}
}
