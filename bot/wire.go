package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"rekey/bot/chat"
	"rekey/bot/config"
	"rekey/commands"
	"rekey/deploy/infisical"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation"
	"rekey/state/redis"
)

// keeping is where the program keeps its state.
type keeping interface {
	rotation.Store
	chat.Store
}

// build wires everything; nothing is asked yet.
func build(c *config.Config, keys secrets, store keeping, log *slog.Logger) (program, error) {
	name := replica()
	subjects, err := subjects(c, keys.fingerprint, log)
	if err != nil {
		return nil, err
	}
	slack, desk, err := openChats(c, keys, name, store, log)
	if err != nil {
		return nil, err
	}
	engine, err := rotation.New(rotation.Config{
		Installation: c.Installation, Replica: name, Key: keys.fingerprint,
		Store: store, Ballot: ballot(slack, desk), Subjects: subjects,
		Lease: c.Engine.Lease, Drivers: c.Engine.Drivers,
		BatchLook: c.Engine.BatchLook, BatchStart: c.Engine.BatchStart, BatchGather: c.Engine.BatchGather,
		Retry: rotation.Retry{Attempts: c.Engine.RetryAttempts, First: c.Engine.RetryFirst, Max: c.Engine.RetryMax},
		Log:   log,
	})
	if err != nil {
		return nil, err
	}
	answers := commands.New(engine, names(c), &practice{doctor: &physician{c, keys, subjects, log, slack}})
	parts := program{
		engine.Run,
		func(ctx context.Context) error { return slack.Run(ctx, engine, answers) },
	}
	if desk != nil {
		desk.Join(engine, answers)
		parts = program{engine.Run, patiently(parts[1], c.Chat.RetryMax, log), desk.Settle, answering(desk, c.CommandLine.Listen, log)}
	}
	digests, err := newAnnouncer(c, engine, log)
	if digests != nil {
		parts = append(parts, digests.run)
	}
	return parts, err
}

// names are the configured secrets, sorted.
func names(c *config.Config) []string { return slices.Sorted(maps.Keys(c.Secrets)) }

// subjects builds one subject per secret. All of them share one vault and
// the two environments' deployers, attesters and checks. A zero key names no
// credential: nothing but the form of things can be looked at with it.
func subjects(c *config.Config, key secret.Key, log *slog.Logger) ([]rotation.Subject, error) {
	vault, err := vault(c, log)
	if err != nil {
		return nil, &misconfigured{err}
	}
	shared, err := stages(c)
	if err != nil {
		return nil, &misconfigured{err}
	}
	var all []rotation.Subject
	var faults []error
	for _, name := range names(c) {
		s, err := subject(c, c.Secrets[name], namer(key), vault, shared)
		if err != nil {
			faults = append(faults, fmt.Errorf("wiring %s: %w", name, err))
		}
		all = append(all, s)
	}
	if len(faults) > 0 {
		return nil, &misconfigured{errors.Join(faults...)}
	}
	return all, nil
}

func subject(c *config.Config, s *config.Secret, name providers.Namer, vault *infisical.Vault, shared map[string]rotation.Stage) (rotation.Subject, error) {
	kind, built := services()[s.Entry.Service]
	if !built {
		return rotation.Subject{}, fmt.Errorf("there is no adapter for %s", s.Entry.Service) // unreachable unless the catalogue calls built what is not
	}
	provider, err := kind.build(s, name)
	if err != nil {
		return rotation.Subject{}, err
	}
	stages := maps.Clone(shared)
	for env, stage := range stages {
		if stages[env], err = affected(stage, s.Affected, env); err != nil {
			return rotation.Subject{}, err
		}
		if stages[env], err = gated(stages[env], s, env); err != nil {
			return rotation.Subject{}, err
		}
	}
	if err := proved(stages, c, s); err != nil {
		return rotation.Subject{}, err
	}
	pause, resume, err := hooks(c, s)
	if err != nil {
		return rotation.Subject{}, err
	}
	return rotation.Subject{
		Pause: pause, Resume: resume,
		Secret: s.Entry, Shared: s.Shared(), Provider: provider, Vault: vault, Inbox: vault, Stages: stages,
		Policy:       policy(s.Policy),
		Pace:         pace(s.Pace, c.Inbox),
		Audit:        rotation.Inquiry{Wait: c.Audit.Wait, For: c.Audit.For, Back: c.Audit.Back, Addresses: c.Audit.Addresses, Readers: c.Audit.Identities},
		Watch:        s.Watch.Params(),
		After:        s.WatchAfter.Params(),
		Explained:    s.Explained,
		AlsoIn:       s.AlsoIn,
		Tags:         s.Tags,
		Sustains:     sustains(s, provider),
		Canary:       s.Canary,
		AdminExpires: s.Admin.Ends(),
		ExpiryMargin: s.ExpiryMargin,
		Slots:        []string{"account/" + account(s)},
	}, nil
}

func policy(p config.Policy) rotation.Policy {
	return rotation.Policy{
		Quorum: p.Quorum, SelfApproval: p.SelfApproval, Expiry: p.Expiry,
		EmergencySelf: p.EmergencySelfApproval, EmergencyRemind: p.EmergencyRemind,
		EmergencyOnce: p.EmergencyBatchApproval == "once",
		Rollback:      rotation.AutoRollback(p.Rollback),
	}
}

func pace(p config.Pace, i config.Inbox) rotation.Pace {
	return rotation.Pace{
		DeployPoll: p.DeployPoll, DeployDeadline: p.DeployDeadline, ProveEvery: p.ProveEvery, ProveFor: p.ProveFor, Fresh: p.Fresh,
		InboxPoll: i.Poll, InboxRemind: i.Remind, InboxExpiry: i.Expiry,
	}
}

// account names the service account that a secret's credentials belong to:
// two rotations in one account would see each other's half-made keys. It is
// told apart by where its admin credential comes from, which names a place
// and no value.
func account(s *config.Secret) string {
	return s.Entry.Service + "/" + s.Admin.Key.String()
}

func vault(c *config.Config, log *slog.Logger) (*infisical.Vault, error) {
	places, inboxes := map[string]infisical.Place{}, map[string]infisical.Place{}
	for name, e := range c.Environments.Each() {
		places[name] = infisical.Place{Environment: e.Vault.Environment, Path: e.Vault.Path}
		if c.ByHand() {
			inboxes[name] = infisical.Place{Environment: e.Vault.Environment, Path: e.Vault.Inbox}
		}
	}
	return infisical.New(infisical.Config{
		SiteURL: c.Infisical.URL, ProjectID: c.Infisical.Project,
		ClientID: c.Infisical.ClientID.Read, ClientSecret: c.Infisical.ClientSecret.Read,
		Environments: places, Inboxes: inboxes, SyncsUnread: infisical.SyncsUnread(c.Infisical.SyncsUnread),
		Timeout: c.Infisical.Timeout, LoginPause: c.Infisical.LoginPause, Log: log,
	})
}

// storeConfig is Redis by URL or by address.
func storeConfig(c *config.Config, keys secrets, log *slog.Logger) (redis.Config, error) {
	r := redis.Config{
		Addr: c.Redis.Address, Username: c.Redis.Username, TLS: c.Redis.TLS,
		Password: redis.NewPassword(keys.redisPassword.Reveal()),
	}
	if !keys.redisURL.IsZero() {
		var err error
		if r, err = redis.ParseURL(keys.redisURL.Reveal()); err != nil {
			return r, err
		}
	}
	r.Installation, r.Log = c.Installation, log
	r.Timeout, r.Ping, r.Backoff = c.Redis.Timeout, c.Redis.Ping, c.Redis.Reconnect
	return r, nil
}

func chatConfig(c *config.Config, keys secrets, replica string, log *slog.Logger) chat.Config {
	return chat.Config{
		AppToken: keys.appToken, BotToken: keys.botToken, Key: keys.fingerprint,
		APIURL: c.Slack.API, Channel: c.Slack.Channel, Digests: c.Announce.Channel, History: c.Slack.History, Replica: replica,
		Starters:  chat.People(c.Starters),
		Incident:  chat.People(c.Incident),
		Drills:    c.Drill.CallIncident,
		Signers:   examined(c.CommandLine),
		Approvers: chat.People(c.Policy.Approvers),
		PerSecret: func(name string) chat.People {
			if s, known := c.Secrets[name]; known {
				return chat.People(s.Policy.Approvers)
			}
			return chat.People{}
		},
		GroupCache: c.Chat.GroupCache, PollCards: c.Chat.PollCards, Coalesce: c.Chat.Coalesce, ChartFor: c.Chat.ChartFor,
		RequestTimeout: c.Chat.Timeout, AnswerTimeout: c.Chat.AnswerTimeout,
		RetryFirst: c.Chat.RetryFirst, RetryMax: c.Chat.RetryMax, Workers: c.Chat.Workers,
		Rates: chat.Rates(c.Chat.Rates), Log: log,
	}
}

// namer names credentials by fingerprints under the installation's key.
func namer(key secret.Key) providers.Namer {
	return func(v secret.Value) providers.ID {
		if key.IsZero() {
			return ""
		}
		return providers.ID(key.Fingerprint(v))
	}
}

// reader is a source as adapters want it that read it before each use.
func reader(s config.Source) func(context.Context) (secret.Value, error) {
	return func(context.Context) (secret.Value, error) { return s.Read() }
}
