"""Loaders that are wrong on purpose. The checker must see through each; a checker that cannot fail proves nothing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from engagectl.sync import run as sync_run
from engagectl.sync import transaction
from engagectl.warehouses.postgres.connect import PostgresConnection
from tests.crash.fork import Say
from tests.crash.world import World


def commit_split_in_two() -> None:
    """The rows are committed before the checkpoint moves."""
    right = transaction.move

    def wrong(connection: Any, journal: str, moves: Sequence[Any]) -> None:
        connection.commit()
        connection.begin()
        transaction.hit("chunk.before_commit")
        right(connection, journal, moves)

    transaction.move = wrong


def no_dedupe() -> None:
    transaction.deduplicate = lambda *_: None


def acknowledge_before_commit(world: World) -> Callable[[Say], Any]:
    """What a chunk would commit is said before it is."""

    def work(say: Say) -> Any:
        right = transaction.move

        def wrong(connection: Any, journal: str, moves: Sequence[Any]) -> None:
            right(connection, journal, moves)
            for item in moves:
                say(item.after.file, item.after.offset)

        transaction.move = wrong
        return world.sync(say)

    return work


def commit_error_ignored() -> None:
    right = PostgresConnection.commit

    def wrong(self: PostgresConnection) -> None:
        try:
            right(self)
        except Exception:
            return

    PostgresConnection.commit = wrong  # type: ignore[method-assign]  # a mutant


def no_lock() -> None:
    """Nobody waits, and nobody minds that the checkpoint has moved meanwhile."""
    right = transaction.move

    def wrong(connection: Any, journal: str, moves: Sequence[Any]) -> None:
        for item in moves:
            connection.execute(
                f"DELETE FROM {journal}.checkpoints WHERE feed = ? AND file = ?", (item.after.feed, item.after.file)
            )
        right(connection, journal, [type(item)(before=None, after=item.after) for item in moves])

    transaction.move = wrong
    PostgresConnection.lock = lambda *_, **__: None  # type: ignore[method-assign]  # a mutant


def duplicate_chosen_before_validation() -> None:
    """Of several lines with one id the first stays, whatever is wrong with it."""
    right = sync_run.judge

    def wrong(stage: Any, works: Any, **more: Any) -> Any:
        stage.handle.execute(
            "DELETE FROM ec_message WHERE message_id IS NOT NULL AND line_no NOT IN"
            " (SELECT min(line_no) FROM ec_message GROUP BY message_id)"
        )
        return right(stage, works, **more)

    sync_run.judge = wrong


def one_checkpoint_for_two_feeds() -> None:
    """The checkpoint of the feed that stands furthest counts for all."""
    right = sync_run.read_checkpoints

    def wrong(connection: Any, journal: str, feeds: Sequence[int] | None = None) -> tuple[Any, ...]:
        every = right(connection, journal)
        furthest: dict[str, Any] = {}
        for item in every:
            if item.file not in furthest or item.offset > furthest[item.file].offset:
                furthest[item.file] = item
        numbers = feeds if feeds is not None else [item.feed for item in every]
        return tuple(replace(item, feed=number) for item in furthest.values() for number in numbers)

    sync_run.read_checkpoints = wrong
