package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/bot/config"
	"rekey/deploy"
	"rekey/deploy/command"
	"rekey/deploy/infisical"
	"rekey/deploy/webhook"
	"rekey/internal/fault"
	"rekey/internal/finding"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation"
)

// stage is what an environment has for every secret.
func (p *physician) stage(environment string) rotation.Stage {
	if len(p.subjects) == 0 {
		return rotation.Stage{} // unreachable: a configuration without secrets is refused
	}
	return p.subjects[0].Stages[environment]
}

func (p *physician) vault(ctx context.Context) []finding.Finding {
	if len(p.subjects) == 0 {
		return nil
	}
	vault, known := p.subjects[0].Vault.(*infisical.Vault)
	if !known {
		return nil // unreachable unless another vault is wired without a look of its own
	}
	return vault.Examine(ctx, p.config.Doctor.Clock)
}

// target asks the deployer without deploying.
func (p *physician) target(ctx context.Context, environment string) []finding.Finding {
	return targeted(ctx, "Deploy target of "+environment, environment, p.stage(environment).Deployer)
}

// hookLooks are at the hooks that hold an application's work, where there are
// any.
func (p *physician) hookLooks() []look {
	var all []look
	for _, s := range p.subjects {
		for what, hook := range map[string]deploy.Deployer{"Pause": s.Pause, "Resume": s.Resume} {
			if hook == nil {
				continue
			}
			looked := what + " hook of " + s.Name
			all = append(all, look{looked, func(ctx context.Context) []finding.Finding {
				found := targeted(ctx, looked, rotation.Production, hook)
				for i := range found {
					found[i].Looked = looked // its words are those of a deployment
				}
				return found
			}})
		}
	}
	slices.SortFunc(all, func(a, b look) int { return strings.Compare(a.at, b.at) })
	return all
}

// targeted asks a deployer without deploying.
func targeted(ctx context.Context, looked, environment string, by deploy.Deployer) []finding.Finding {
	switch d := by.(type) {
	case *webhook.Deployer:
		return []finding.Finding{d.Examine(ctx, environment)}
	case *command.Deployer:
		return d.Examine(ctx, environment)
	default:
		return []finding.Finding{finding.Open(looked, "This kind of target cannot be asked without deploying.", "Watch the first deployment.")}
	}
}

// check measures the last minute as a watch would.
func (p *physician) check(ctx context.Context, environment string, c config.Check) []finding.Finding {
	looked := fmt.Sprintf("Check %s of %s", c.Name, environment)
	stage := p.stage(environment)
	at := slices.IndexFunc(stage.Checks, func(b rotation.Check) bool { return b.Name == c.Name })
	if at < 0 {
		return nil // unreachable: stages have every configured check
	}
	window := lastMinute()
	if !stage.Checks[at].Instant {
		var err error
		if window.Deployment, err = p.deployment(ctx, environment); err != nil {
			return []finding.Finding{finding.Open(looked, "A log is asked about one deployment, and the application did not say which one runs.", "Mend the vault and the application's proof first.")}
		}
	}
	return []finding.Finding{measured(looked, stage.Checks[at].Measure(ctx, window), stage.Checks[at].Required)}
}

// deployment is the one that the application says it runs as.
func (p *physician) deployment(ctx context.Context, environment string) (string, error) {
	s := p.subjects[0]
	entries, err := s.Vault.Read(ctx, environment, s.Variables)
	if err != nil {
		return "", err
	}
	name := s.Variables[0]
	heard, err := s.Stages[environment].Attester.Attest(ctx, name, entries[name].Value, secret.Value{})
	return heard.Deployment, err
}

func lastMinute() deploy.Window {
	now := time.Now()
	return deploy.Window{From: now.Add(-time.Minute), To: now}
}

func measured(looked string, m deploy.Measurement, required bool) finding.Finding {
	said := capital(oneLine(m.Detail)) + "."
	switch {
	case m.Outcome == deploy.OK:
		return finding.Good(looked, said)
	case m.Outcome == deploy.Bad:
		return finding.Bad(looked, said, "Mend the application, or the check's limits: a watch would fail on this.")
	case m.Outcome == deploy.NoData:
		return finding.Open(looked, said, "Silence is not health. If there was traffic, mend the check's queries.")
	case required:
		return finding.Bad(looked, said, "Look at the source of this check: a watch that cannot measure does not pass.")
	default:
		return finding.Open(looked, said, "Look at the source of this check; it is shown and decides nothing.")
	}
}

// oneLine cuts what a check says to what a list can show.
func oneLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return strings.TrimSuffix(first, ".")
}

// secret follows one secret through the vault, its service and the
// applications, as a survey and a proof do.
func (p *physician) secret(ctx context.Context, s rotation.Subject) []finding.Finding {
	var found []finding.Finding
	current := map[string]providers.Values{}
	for name := range p.config.Environments.Each() {
		entries, err := s.Vault.Read(ctx, name, s.Variables)
		found = append(found, entry(s.Name+" in Infisical, "+name, entries, err))
		if err == nil {
			current[name] = valuesOf(entries)
		}
	}
	looked := fmt.Sprintf("Admin credential for %s at %s", s.Name, s.Title)
	if !p.config.Secrets[s.Name].Administered() {
		looked = fmt.Sprintf("Key in use of %s at %s", s.Name, s.Title)
	}
	if len(current) < 2 {
		found = append(found, finding.Open(looked, "The service was not asked, because the vault could not be read.", "Mend the vault first."))
	} else if kind, err := s.Provider.Survey(ctx, current); err != nil {
		found = append(found, finding.Failed(looked, err, surveyAdvice(err)))
	} else if err := unencumbered(ctx, kind); err != nil {
		found = append(found, finding.Failed(looked, err, "Settle it before the next rotation."))
	} else {
		found = append(found, finding.Good(looked, "Accepted; the key in use is known there."))
		found = append(found, gates(ctx, s, kind, current)...)
	}
	for name := range p.config.Environments.Each() {
		if values := current[name]; values != nil {
			found = append(found, p.attested(ctx, s, name, values))
			found = append(found, affectedNow(ctx, s, name)...)
		}
	}
	return append(found, p.inboxes(ctx, s)...)
}

// unencumbered asks what is in the way of a rotation at the service.
func unencumbered(ctx context.Context, kind providers.Kind) error {
	if c, knows := kind.(providers.Clearer); knows {
		return c.Clear(ctx)
	}
	return nil
}

// inboxes looks whether what people paste for a secret could be read by Rekey,
// and by nobody else.
func (p *physician) inboxes(ctx context.Context, s rotation.Subject) []finding.Finding {
	if !s.ByHand {
		return nil
	}
	var found []finding.Finding
	for name := range p.config.Environments.Each() {
		if name == rotation.Staging || !s.Shared {
			found = append(found, inbox(ctx, s, name))
		}
	}
	return found
}

func inbox(ctx context.Context, s rotation.Subject, environment string) finding.Finding {
	looked := fmt.Sprintf("Inbox for %s, %s", s.Name, environment)
	const advice = "Make that folder, let Rekey's identity read and delete there, and nothing else read it."
	if err := s.Inbox.Secluded(ctx, environment); err != nil {
		return finding.Failed(looked, err, advice)
	}
	var err error
	for _, name := range s.Variables {
		if _, err = s.Inbox.Collect(ctx, environment, name); !fault.Is(err, fault.NotFound) {
			break
		}
	}
	switch {
	case fault.Is(err, fault.NotFound):
		return finding.Open(looked, "It is empty, and nothing that Infisical knows of reads it. Whether Rekey may delete there cannot be found out by reading.",
			"Make sure that the machine identity may delete there; the first rotation shows it.")
	case err != nil:
		return finding.Failed(looked, err, advice)
	default:
		return finding.Open(looked, "A value lies there.", "Remove it, unless a rotation asks for it now.")
	}
}

func valuesOf(entries map[string]deploy.Entry) providers.Values {
	values := providers.Values{}
	for name, e := range entries {
		values[name] = e.Value
	}
	return values
}

// entry says what reading came to. A note of ours proves that writing was
// allowed; no read tells more about that.
func entry(looked string, entries map[string]deploy.Entry, err error) finding.Finding {
	if err != nil {
		return finding.Failed(looked, err, infisical.Advice(err))
	}
	written := false
	for name, e := range entries {
		if e.Value.IsZero() {
			return finding.Bad(looked, name+" is empty.", "Put the value in use there.")
		}
		written = written || e.Metadata[rotation.NoteRotatedAt] != ""
	}
	if written {
		return finding.Good(looked, "It can be read, and Rekey has written it before.")
	}
	return finding.Open(looked, "It can be read. Whether it may be written cannot be found out by reading.", "Make sure that the machine identity may edit there; the first rotation shows it.")
}

func surveyAdvice(err error) string {
	switch fault.Of(err).Reason {
	case fault.Unauthorized, fault.Forbidden:
		return "Make a new admin credential with the right to list, make and delete keys, and put it where secrets.NAME.admin points."
	case fault.NotFound, fault.Ambiguous, fault.Managed, fault.Unsupported:
		return "Compare the value in the vault with the service's own list; the admin credential must belong to the same account."
	case fault.Unreachable, fault.TimedOut:
		return "Look at the way to the service: name, proxy, secrets.NAME.base_url."
	default:
		return "Put the admin credential where secrets.NAME.admin points, then ask again."
	}
}

// attested asks the application which value it runs on.
func (p *physician) attested(ctx context.Context, s rotation.Subject, environment string, values providers.Values) finding.Finding {
	looked := fmt.Sprintf("%s in the application, %s", s.Name, environment)
	for _, name := range s.Variables {
		heard, err := s.Stages[environment].Attester.Attest(ctx, name, values[name], secret.Value{})
		if scripts, looked := p.bundled(s, name, environment); scripts && (err != nil || !heard.Agreed) {
			return unbundled(looked, heard, err)
		}
		if err != nil {
			return finding.Failed(looked, err, "Look at the application's endpoint for proofs: address, attestation key on both sides, clock. docs/attestation.md has the protocol.")
		}
		if !heard.Agreed {
			return finding.Bad(looked, fmt.Sprintf("%d answers were for the value of %s in the vault, %d for another; that is not enough.", heard.New, name, heard.Old+heard.Other),
				"Deploy the application, so that all its instances run on what the vault holds; compare attest.instances with how many there are.")
		}
	}
	return finding.Good(looked, "It proved that it runs on the value in the vault.")
}

// bundled reports whether scripts of a page prove a variable, and how that is
// called.
func (p *physician) bundled(s rotation.Subject, name, environment string) (bool, string) {
	own := p.config.Secrets[s.Name]
	return own != nil && own.ByBundle() && rotation.Inlined(name), fmt.Sprintf("%s in the page's scripts, %s", name, environment)
}

// unbundled is a value that a page's scripts do not show.
func unbundled(looked string, heard deploy.Testimony, err error) finding.Finding {
	if err != nil {
		return finding.Failed(looked, err, "Look at environments.ENV.bundle: the page must open without signing in, and its scripts within the bounds. docs/bundles.md says what is read.")
	}
	return finding.Bad(looked, fmt.Sprintf("%d visits found the value in the vault, %d found another or none.", heard.New, heard.Old+heard.Other),
		"Build and deploy, so that the page has what the vault holds. A value that is looked up while running is in no script; docs/bundles.md says what to do.")
}

// affectedNow runs a secret's own check where that costs nothing.
func affectedNow(ctx context.Context, s rotation.Subject, environment string) []finding.Finding {
	stage := s.Stages[environment]
	if stage.Affected == nil || !stage.Free {
		return nil
	}
	return []finding.Finding{measured("Own check of "+s.Name+" in "+environment, stage.Affected.Measure(ctx, lastMinute()), true)}
}
