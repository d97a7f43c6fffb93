"""Rules that look across resources. Each is one function: a project in, its findings out."""

from collections.abc import Callable, Iterator

from engagectl.config.check import effect, encryption, feeds, names, schedules, selection
from engagectl.config.project import Project
from engagectl.errors import Diagnostic

RULES: tuple[Callable[[Project], Iterator[Diagnostic]], ...] = (
    schedules.schedules_can_be_read,  # EC108
    effect.sent_things_are_declared,  # EC212
    effect.columns_of_a_connection_are_there,  # EC213
    feeds.no_computed_trait_in_an_activation,  # EC301
    names.source_schemas_begin_as_engage_does,  # EC302
    selection.needed_columns_stay,  # EC303
    names.keys_make_columns_of_their_own,  # EC305
    names.events_make_tables_of_their_own,  # EC306
    feeds.activations_outside_segments_list,  # EC307
    feeds.tables_stay_below_the_column_limit,  # EC308
    feeds.one_column_one_meaning,  # EC310
    feeds.messaging_destinations_have_no_source,  # EC311
    names.no_two_in_one_schema,  # EC312
    feeds.paths_fit_the_events,  # EC313
    feeds.resources_are_somewhere,  # EC314
    feeds.spaces_on_one_input_say_who_they_are,  # EC315
    feeds.one_connection_per_source_and_warehouse,  # EC316
    feeds.each_computation_is_sent_once,  # EC317
    names.old_names_are_gone,  # EC318
    selection.rules_match_something,  # EC319
    feeds.activations_beside_tracks_name_their_emitter,  # EC320
    names.names_leave_the_standard_columns_alone,  # EC321
    effect.writers_are_named,  # EC323, EC207, EC102
    effect.event_kinds_go_with_what_sends_them,  # EC324
    effect.mappings_mean_something,  # EC325, EC326, EC310
    effect.types_say_what_they_can,  # EC102, EC326
    effect.sources_that_are_read_have_an_input,  # EC327
    effect.linked_audiences_go_by_activations,  # EC328
    feeds.types_fit_the_warehouse,  # EC410, EC411
    feeds.one_database_one_warehouse,  # EC413
    encryption.servers_elsewhere_are_verified,  # EC414
    names.removed_things_can_be_dropped,  # EC605
)


def check_project(project: Project) -> tuple[Diagnostic, ...]:
    """Return what every rule finds."""
    return tuple(found for rule in RULES for found in rule(project))
