package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"rekey/bot/chat"
	"rekey/bot/config"
	"rekey/bot/signed"
	"rekey/rotation"
)

// openChats wires the two ways to people: Slack, and the command line where it
// is configured, else nil. Decisions by either are counted together.
func openChats(c *config.Config, keys secrets, replica string, store keeping, log *slog.Logger) (*chat.Chat, *signed.Desk, error) {
	options := chatConfig(c, keys, replica, log)
	if !c.CommandLine.Used() {
		slack, err := chat.New(options, store)
		return slack, nil, err
	}
	var desk *signed.Desk
	options.Signed = func(ctx context.Context, r *rotation.Rotation, card int) ([]rotation.Mark, error) {
		return desk.Signed(ctx, r, card)
	}
	slack, err := chat.New(options, store)
	if err != nil {
		return nil, nil, err
	}
	l := c.CommandLine
	desk, err = signed.New(signed.Config{
		Installation: c.Installation, Workspace: l.Workspace, Signers: l.AllowedSigners, Revoked: l.Revoked, People: signers(l.People), Roll: roll{c},
		Key: keys.fingerprint, Life: l.Life, Clock: l.Clock, Timeout: l.Timeout, Answer: l.AnswerTimeout, Every: l.Settle,
		Store: store, Chat: reachable{slack, slack.Ballot()}, Log: log,
	})
	return slack, desk, err
}

// reachable is Slack as the command line asks it.
type reachable struct {
	*chat.Chat
	rotation.Ballot
}

func ballot(slack *chat.Chat, desk *signed.Desk) rotation.Ballot {
	if desk == nil {
		return slack.Ballot()
	}
	return desk.Ballot()
}

func signers(people []config.Signer) map[string]signed.Person {
	all := make(map[string]signed.Person)
	for _, p := range people {
		all[p.Name] = signed.Person{User: p.User, Approver: p.Approver, Starter: p.Starter}
	}
	return all
}

// examined are the people of the command line, for a look at them in Slack.
func examined(l config.CommandLine) chat.Signers {
	s := chat.Signers{Team: l.Workspace}
	for _, p := range l.People {
		if l.Used() && !slices.Contains(s.Users, p.User) {
			s.Users = append(s.Users, p.User)
		}
	}
	return s
}

// roll is the policy as far as it is known without Slack: who is listed by id,
// and who stands for a user group.
type roll struct{ config *config.Config }

// Starts implements [signed.Roll]. Nobody named means everybody, as in Slack.
func (r roll) Starts(p signed.Person) bool {
	s := r.config.Starters
	return s.IsZero() || within(s, p.User, p.Starter)
}

// Approves implements [signed.Roll].
func (r roll) Approves(p signed.Person, secret string) bool {
	s, known := r.config.Secrets[secret]
	return known && within(s.Policy.Approvers, p.User, p.Approver)
}

func within(list config.People, user string, forGroup bool) bool {
	return slices.Contains(list.Users, user) || list.Group != "" && forGroup
}

// answering opens the place where statements are taken, and takes them.
func answering(desk *signed.Desk, at string, log *slog.Logger) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		l, err := signed.Listen(ctx, at)
		if err != nil {
			return err
		}
		log.Info("taking signed statements", "at", at)
		return desk.Serve(ctx, l)
	}
}

// patiently runs Slack's side again where it ended for good: with the command
// line there is another way to people, and rotations go on.
func patiently(run func(ctx context.Context) error, pause time.Duration, log *slog.Logger) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		for ctx.Err() == nil {
			err := run(ctx)
			if ctx.Err() != nil {
				break
			}
			log.Error("Slack refuses Rekey; rotations go on, people reach them by the command line, and Slack is tried again", "pause", pause, "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
		return nil
	}
}
