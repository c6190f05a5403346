package main

import (
	"errors"
	"fmt"

	"rekey/bot/config"
	"rekey/deploy"
	"rekey/deploy/attest"
	"rekey/deploy/command"
	"rekey/deploy/webhook"
	"rekey/rotation"
)

// stages builds what both environments' applications have for every secret.
func stages(c *config.Config) (map[string]rotation.Stage, error) {
	built := map[string]rotation.Stage{}
	var faults []error
	for name, e := range c.Environments.Each() {
		s, err := stage(name, e, c.Variable)
		if err != nil {
			faults = append(faults, fmt.Errorf("wiring %s: %w", name, err))
		}
		built[name] = s
	}
	return built, errors.Join(faults...)
}

func stage(name string, e *config.Environment, lookup config.Lookup) (rotation.Stage, error) {
	deployer, err := deployer(name, e.Deploy, lookup)
	if err != nil {
		return rotation.Stage{}, err
	}
	attester, err := attester(e.Attest)
	if err != nil {
		return rotation.Stage{}, err
	}
	s := rotation.Stage{
		Deployer: deployer, Attester: attester,
		Inbox: "Infisical, environment `" + e.Vault.Environment + "`, folder `" + e.Vault.Inbox + "`",
	}
	for _, c := range e.Checks {
		built, err := checkOf(c)
		if err != nil {
			return rotation.Stage{}, fmt.Errorf("check %s: %w", c.Name, err)
		}
		s.Checks = append(s.Checks, built)
	}
	return s, nil
}

// hooks ask the application to hold its work, and to go on; nil where none are
// configured.
func hooks(c *config.Config, s *config.Secret) (pause, resume deploy.Deployer, err error) {
	if s.Pause == nil || s.Resume == nil {
		return nil, nil, nil
	}
	if pause, err = deployer(rotation.Production, *s.Pause, c.Variable); err != nil {
		return nil, nil, fmt.Errorf("pause: %w", err)
	}
	if resume, err = deployer(rotation.Production, *s.Resume, c.Variable); err != nil {
		return nil, nil, fmt.Errorf("resume: %w", err)
	}
	return pause, resume, nil
}

func deployer(environment string, way config.Deploy, lookup config.Lookup) (deploy.Deployer, error) {
	if c := way.Command; c != nil {
		return command.New(command.Config{
			Environment: environment, Run: c.Run, Status: c.Status, Folder: c.Folder, Pass: c.Pass, Lookup: lookup,
			Timeout: c.Timeout, StatusTimeout: c.StatusTimeout, Grace: c.Grace,
		})
	}
	w := way.Webhook
	return webhook.New(webhook.Config{
		URL: w.URL, Secret: reader(w.Secret), StatusURL: w.StatusURL, StatusHosts: w.StatusHosts,
		NotYet: w.NotYet, Unreachable: w.Unreachable, Timeout: w.Timeout,
	})
}

func attester(a config.Attest) (deploy.Attester, error) {
	return attest.New(attest.Config{
		URL: a.URL, Key: reader(a.Key), Instances: a.Instances, InARow: a.Streak, MaxAsks: a.Attempts,
		Pause: a.Pause, Freshness: a.Freshness, Timeout: a.Timeout,
	})
}
