package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/providers"
	"rekey/rotation"
)

const providersPage = "../docs/providers.md"

const providersHead = `<!-- Written by: go test ./bot -run TestProvidersPage -update. The words come from the adapters' own traits, methods and profiles. -->

# What each secret allows

A survey finds out, before a plan exists and without writing, which of these kinds a credential is; where only people know, the
[configuration](configuration.md) says it. The shape decides the plan ([rotation/plan.go](../rotation/plan.go)); the gap is the time in which
no credential works; undo is what can be taken back after the approval. Where the vault is read, or a key does damage now,
--revoke-first (in an emergency) ends the old one before there is a new one, with an outage that people approve. Beside the service's own proof the running application is
always asked ([attestation](attestation.md)). Each admin credential is stronger than what it rotates: give it nothing more than stands here.

| secret | kind | found by | issued by | shape | gap | undo of the end | can end first | proved by | audit | people | admin credential | it must be allowed |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
`

// TestProvidersPage holds docs/providers.md against the adapters. -update
// writes it.
func TestProvidersPage(t *testing.T) {
	var page strings.Builder
	page.WriteString(providersHead)
	for _, e := range rotation.Catalogue() {
		if !e.Built {
			continue
		}
		profiles := services()[e.Service].profiles()
		if len(profiles) == 0 {
			t.Errorf("%s: its service has no profile", e.Name)
		}
		for _, p := range profiles {
			page.WriteString(cells(e, p.Row()))
		}
	}
	if *update {
		if err := os.WriteFile(providersPage, []byte(page.String()), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(providersPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), page.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", providersPage, diff)
	}
}

func cells(e rotation.Secret, r providers.Row) string {
	names := "`" + strings.Join(e.Variables, "`, `") + "`"
	row := []string{names, r.Kind, r.When, r.Issues, r.Shape, r.Gap, r.Undo, r.First, r.Proof, r.Audit, r.People, r.Admin, r.Rights}
	return fmt.Sprintf("| %s |\n", strings.Join(row, " | "))
}

// TestServicesAreTheirProfiles: what the table of services says of a service
// without asking it is what one of its kinds is.
func TestServicesAreTheirProfiles(t *testing.T) {
	for name, s := range services() {
		if !slices.ContainsFunc(s.profiles(), func(p providers.Profile) bool {
			traits := p.Kind.Traits()
			return traits.Shape == s.shape && traits.UndoOfEnd == s.undo && traits.Waits == s.waits
		}) {
			t.Errorf("%s: no kind has shape %s, undo %t and waits %+v", name, s.shape, s.undo, s.waits)
		}
	}
}
