package infisical

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/secret"
)

// hiddenPlaceholder is what the server puts in the place of a value that the
// identity may not see.
const hiddenPlaceholder = "<hidden-by-infisical>"

// elsewhere reports that the secret lives in another place and shows up here
// through an import.
func (s wireSecret) elsewhere(p Place) bool {
	return s.Environment != p.Environment || (s.Path != "" && cleanPath(s.Path) != p.Path)
}

func (s wireSecret) hidden() bool { return s.Hidden || s.Value.Equal(secret.New(hiddenPlaceholder)) }

func (s wireSecret) rotated() bool { return s.Rotated || (s.RotationID != nil && *s.RotationID != "") }

// unmanageable returns why the secret must not be written, nil if it may be.
func (v *Vault) unmanageable(ctx context.Context, op string, p Place, s wireSecret) error {
	var why string
	switch {
	case s.elsewhere(p):
		why = fmt.Sprintf("comes through an import from %s", Place{s.Environment, cleanPath(s.Path)})
	case s.Type != "" && s.Type != typeShared:
		why = "is a personal override"
	case s.rotated():
		why = "is rotated by Infisical itself"
	case s.hidden():
		why = "is hidden from the machine identity: it needs the right to read values"
	case s.Value.Contains(secret.New("${")):
		why = "is a reference to " + v.targets(ctx, op, p, s)
	default:
		return nil
	}
	return fault.New(op, fault.Managed, fmt.Sprintf("%s in %s %s", s.Key, p, why))
}

var (
	reference = regexp.MustCompile(`\$\{([^{}]*)\}`)
	remote    = regexp.MustCompile(`^([A-Za-z0-9_-]+)\.(?:[A-Za-z0-9_-]+\.)*[A-Za-z_][A-Za-z0-9_]*$`)
)

// targets names what a value refers to. The text between the braces is part of
// a value and could be part of a password, so it is repeated only where it is
// known to be a name: a key of the same folder, or a path that begins with an
// environment of the configuration.
func (v *Vault) targets(ctx context.Context, op string, p Place, s wireSecret) string {
	keys, err := v.keys(ctx, op, p)
	var named []string
	for _, m := range reference.FindAllStringSubmatch(s.Value.Reveal(), -1) {
		target := m[1]
		if (err == nil && keys[target]) || v.inOtherPlace(target) {
			named = append(named, target)
		}
	}
	if len(named) == 0 {
		return "another secret"
	}
	slices.Sort(named)
	return strings.Join(slices.Compact(named), ", ")
}

func (v *Vault) inOtherPlace(target string) bool {
	m := remote.FindStringSubmatch(target)
	if m == nil {
		return false
	}
	for _, p := range v.places {
		if p.Environment == m[1] {
			return true
		}
	}
	return false
}

// keys lists the names on the path without reading a value.
func (v *Vault) keys(ctx context.Context, op string, p Place) (map[string]bool, error) {
	list, err := withSession(ctx, v.keeper, func(s *session) ([]wireSecret, error) {
		return v.v4.list(ctx, s, op, p, false)
	})
	if err != nil {
		return nil, err
	}
	keys := make(map[string]bool, len(list))
	for _, s := range list {
		keys[s.Key] = true
	}
	return keys, nil
}

// unsynced refuses a path whose values a secret sync carries to a platform.
// Infisical sends them some time after the write, and a deployment started
// before that is built with the old value.
func (v *Vault) unsynced(ctx context.Context, op string, p Place) error {
	name, to, err := v.sync(ctx, op, p)
	if err != nil || name == "" {
		return err
	}
	return fault.New(op, fault.Unsupported, fmt.Sprintf(
		"the secret sync %q carries %s to %q, and waiting for a sync is not built yet", name, p, to))
}

// sync finds a secret sync that carries a folder away, "" when there is none.
func (v *Vault) sync(ctx context.Context, op string, p Place) (name, to string, err error) {
	syncs, err := withSession(ctx, v.keeper, func(s *session) ([]wireSync, error) {
		return v.v4.syncs(ctx, s, op)
	})
	if err != nil {
		return "", "", v.unread(op, err)
	}
	for _, s := range syncs {
		if s.Environment != nil && s.Folder != nil &&
			s.Environment.Slug == p.Environment && cleanPath(s.Folder.Path) == p.Path {
			return s.Name, s.Destination, nil
		}
	}
	return "", "", nil
}

// unread decides about a list of syncs that the identity may not read (403) or
// that the server does not have (404). Neither may look like "no syncs", nor,
// by its reason, like an absent secret.
func (v *Vault) unread(op string, err error) error {
	status := fault.Of(err).Status
	absent := status == http.StatusNotFound
	if (status != http.StatusForbidden || refusedToken(err) || errors.Is(err, errOutsider)) && !absent {
		return err
	}
	if v.syncs == SyncsAccepted {
		v.log.Debug("secret syncs unread", "accepted", true, "status", status)
		return nil
	}
	f := *fault.Of(err)
	f.Op, f.Class, f.Reason = op, fault.Ask, fault.Forbidden
	f.Detail = "the machine identity may not list secret syncs, so one could deploy the old value unseen; grant the right, or accept it in the configuration"
	if absent {
		f.Reason = fault.Unsupported
		f.Detail = "this server has no list of secret syncs; make sure that nothing carries the values on, then accept it in the configuration"
	}
	return &f
}
