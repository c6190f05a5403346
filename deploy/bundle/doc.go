// Package bundle looks into the scripts of a page for the value that a build
// wrote into them.
//
// # The model
//
// A variable such as NEXT_PUBLIC_… is no setting of a running application: its
// value is part of the scripts that browsers load. What proves that an environment
// uses the new one is what a visitor gets: the page, the scripts that it names,
// and those that they name in turn. Nothing else is asked, and nothing secret is
// sent: the page is public, and so is what is in it.
//
//	GET <page>                the HTML, its inline scripts included
//	GET <script>              each that it names, of the same origin or of a host
//	                          that the configuration allows
//	GET <script of a script>  each that is named there whole, or in the tables
//	                          by which webpack and Turbopack load the rest
//
// One visit shows one build. It counts for the new value when that is in one of
// the files and the old one in none; for the old value when that is anywhere, as
// in a build that was made from both; else for neither. While instances are
// replaced visits differ, so a row of them must agree.
//
// # Bounds
//
// Files are read up to a size, and up to a number and a size in all. A visit
// that would exceed them is an error and no proof: the old value could be in
// what was not read. So is a script that the page names and that cannot be had.
// What is only thought to be a script's name may be missing.
//
// A file that the server calls immutable is read once in a proof.
//
// What this cannot see: pages that open only after signing in, copies in tabs and
// caches of visitors, and values that are put together while running. A value that
// the page's own scripts do not hold is never proved.
//
// # What may run twice
//
// Everything: it only reads.
//
// Sources: https://nextjs.org/docs/app/guides/environment-variables,
// https://nextjs.org/docs/app/api-reference/config/next-config-js/assetPrefix.
package bundle
