"""Requests for predictions that wait for their turn: those that wait together are answered in one batch."""

import asyncio
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np

from seqconv.metrics.records import Json
from seqconv.serving.models import Served, Version
from seqconv.serving.requests import Question, answer_piece, answer_together

MOST_TOGETHER = 256  # examples, and requests, of a batch
MOST_BYTES = 2**28  # of requests that wait


class FullError(Exception):
    """So many requests wait that another would wait too long."""


class _Job:
    """A request, and where its answer is awaited."""

    def __init__(self, body: bytes, version: Version, answer: "asyncio.Future[list[Json]]") -> None:
        self.body, self.version, self.answer = body, version, answer
        self.question: Question | None = None
        self.error: Exception | None = None

    def read(self) -> None:
        try:
            self.question = Question(self.version.predictor, self.body)
        except Exception as error:
            self.error = error


class Queue:
    """The requests for predictions of one model, and the thread that answers them.

    One thread, as a single answer may use all cores already. While it answers, others come; all small ones that wait
    are its next batch, so that nobody waits for a batch to fill. A large request is answered piece by piece and goes to
    the end of the queue between them.
    """

    def __init__(self, served: Served, most: int) -> None:
        """Start with nothing to do.

        Args:
            most: requests that may wait.
        """
        self.served, self.most = served, most
        self.waiting: deque[_Job] = deque()
        self.bytes = 0
        self.busy = False
        self.pool = ThreadPoolExecutor(1)

    @property
    def is_full(self) -> bool:
        """Whether no request may be added."""
        return len(self.waiting) >= self.most or self.bytes > MOST_BYTES

    async def ask(self, body: bytes) -> list[Json]:
        """The answers to a request.

        Raises:
            FullError: too many wait.
            MalformedError, DataError: see `Question`.
        """
        if self.is_full:
            raise FullError
        job = _Job(body, self.served.now, asyncio.get_running_loop().create_future())
        self.waiting.append(job)
        self.bytes += len(body)
        self._count()
        if not self.busy:
            self._start()
        try:
            return await job.answer
        finally:
            self.bytes -= len(body)

    def close(self) -> None:
        """Drop what waits."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        loop, self.busy = asyncio.get_running_loop(), True
        jobs = list(islice(self.waiting, MOST_TOGETHER))

        def finish(done: "Future[int]") -> None:
            if not done.cancelled() and not loop.is_closed():
                loop.call_soon_threadsafe(self._finish, done)

        self.pool.submit(self._work, jobs).add_done_callback(finish)

    def _work(self, jobs: list[_Job]) -> int:
        """Answer the first jobs, as many as go together; their number."""
        batch: list[_Job] = []
        examples = 0
        for job in jobs:
            if job.question is None and job.error is None:
                job.read()
            question = job.question
            if question is not None:
                together = question.is_small and examples + len(question.asked) <= MOST_TOGETHER
                if examples and (not together or job.version is not batch[-1].version):
                    break
                examples += min(len(question.asked) - len(question.answers), question.piece)
            batch.append(job)
            if question is not None and not question.is_small:
                break
        with np.errstate(all="ignore"):  # where numbers are too large for the model it answers null
            self._answer([job for job in batch if job.question is not None], examples)
        return len(batch)

    def _answer(self, batch: list[_Job], examples: int) -> None:
        if not batch:
            return
        version, questions = batch[0].version, [job.question for job in batch if job.question is not None]
        if questions[0].is_small:
            errors = answer_together(version.predictor, questions, version.watch.look)
            for job, error in zip(batch, errors, strict=True):
                job.error = error
        else:
            try:
                answer_piece(version.predictor, questions[0], version.watch.look)
            except Exception as error:
                batch[0].error = error
        self.served.board.batches.add(examples)

    def _finish(self, done: "Future[int]") -> None:
        """Hand out the answers, and go on with what waits."""
        for _ in range(done.result()):
            job = self.waiting.popleft()
            if job.answer.done():  # nobody waits for it any more
                continue
            if job.error is not None:
                job.answer.set_exception(job.error)
            elif job.question is not None and job.question.is_done:
                job.answer.set_result(job.question.answers)
            else:
                self.waiting.append(job)
        self._count()
        self.busy = False
        if self.waiting:
            self._start()

    def _count(self) -> None:
        self.served.board.waiting.own[0] = len(self.waiting)
